using System.Reflection;
using Lapidary.Engine;
using Lapidary.Packages.Tests;
using Lapidary.Tests;

[assembly: AssemblyFixture(typeof(PackedPackages))]

namespace Lapidary.Packages.Tests;

/// <summary>All packages, made once from what is built.</summary>
public sealed class PackedPackages : IAsyncLifetime
{
    /// <summary>Ids of the packages.</summary>
    public static readonly string[] Ids =
    [
        "Lapidary", "Lapidary.Engine", "Lapidary.Formats", "Lapidary.Gemma", "Lapidary.Hosting", "Lapidary.Hub", "Lapidary.Jinja",
        "Lapidary.Server", "Lapidary.TextToSql", "Lapidary.Tool", "Lapidary.Training",
    ];

    /// <summary>The folder that they are in.</summary>
    public string Folder { get; } = Fixtures.TemporaryFolder();

    /// <summary>Their version.</summary>
    public string Version { get; private set; } = "";

    /// <summary>Path of a package.</summary>
    public string PathOf(string id) => Path.Combine(Folder, $"{id}.{Version}.nupkg");

    public async ValueTask InitializeAsync()
    {
        // The version of what is built: a commit since would give the packages another one.
        Version = typeof(IBackend).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        await DotNet.Run(
            [
                "pack", "Lapidary.slnx", "--no-build", "--configuration", DotNet.Configuration, "--output", Folder, "-v", "q",
                $"-p:MinVerVersionOverride={Version}",
            ],
            CancellationToken.None);
        Assert.True(File.Exists(PathOf("Lapidary")));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
