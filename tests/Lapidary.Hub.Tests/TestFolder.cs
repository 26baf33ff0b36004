namespace Lapidary.Hub.Tests;

/// <summary>A folder of one test, deleted at its end.</summary>
internal sealed class TestFolder : IDisposable
{
    public TestFolder() => Root = Directory.CreateTempSubdirectory("lapidary-hub-").FullName;

    public string Root { get; }

    public string At(string path) => Path.Combine(Root, path);

    /// <summary>Files below a folder with slashes, in order.</summary>
    public string[] Files(string folder) => !Directory.Exists(At(folder)) ? [] :
    [
        .. Directory.EnumerateFiles(At(folder), "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(At(folder), path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
