using System.Xml.Linq;
using Lapidary.Tests;

namespace Lapidary.Packages.Tests;

/// <summary>A console project that knows packages and nothing of this repository.</summary>
internal static class PackagedApp
{
    /// <summary>Builds and runs one, without a warning.</summary>
    /// <param name="folder">Where its folder is made.</param>
    /// <param name="program">Program.cs.</param>
    /// <param name="packed">The packages under test.</param>
    /// <param name="references">Ids of the packages that it names.</param>
    /// <param name="token">Ends it.</param>
    /// <returns>Its folder, and what it printed.</returns>
    public static async Task<(string Folder, string Output)> RunAsync(
        string folder, string program, PackedPackages packed, IReadOnlyList<string> references, CancellationToken token)
    {
        string app = Directory.CreateDirectory(Path.Combine(folder, "app")).FullName;
        await File.WriteAllTextAsync(Path.Combine(app, "Program.cs"), program, token);
        string lines = string.Concat(references.Select(id => $"<PackageReference Include=\"{id}\" Version=\"{VersionOf(id, packed)}\" />"));
        await File.WriteAllTextAsync(Path.Combine(app, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>{lines}</ItemGroup>
            </Project>
            """, token);
        await File.WriteAllTextAsync(Path.Combine(app, "NuGet.config"), $"""
            <configuration>
              <packageSources>
                <add key="packed" value="{packed.Folder}" />
              </packageSources>
              <fallbackPackageFolders>
                <add key="machine" value="{PackagesOfTheMachine()}" />
              </fallbackPackageFolders>
            </configuration>
            """, token);
        var environment = new Dictionary<string, string> { ["NUGET_PACKAGES"] = Path.Combine(folder, "packages") };
        await DotNet.Run(["build", "-v", "q", "-nologo"], token, app, environment);
        string built = Assert.Single(Directory.GetFiles(Path.Combine(app, "bin"), "app.dll", SearchOption.AllDirectories));
        return (app, await DotNet.Run([built], token, app, environment));
    }

    /// <summary>The version under test, or the one that this repository uses and the machine therefore has.</summary>
    private static string VersionOf(string id, PackedPackages packed) => PackedPackages.Ids.Contains(id)
        ? packed.Version
        : (string)XDocument.Load(Path.Combine(Fixtures.Repository, "Directory.Packages.props")).Descendants("PackageVersion")
            .Single(version => (string?)version.Attribute("Include") == id).Attribute("Version")!;

    /// <summary>What the machine has already need not be fetched again; it has none of the packages under test of this version.</summary>
    private static string PackagesOfTheMachine() => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
