using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>A reader of files that people bring.</summary>
/// <param name="FileName">The file that is broken, in the target's folder.</param>
/// <param name="Sources">Good files that are broken.</param>
/// <param name="Read">Reads the folder.</param>
/// <param name="Around">A folder whose other files lie beside the broken one, or null.</param>
internal sealed record FuzzTarget(string FileName, IReadOnlyList<byte[]> Sources, Action<string> Read, string? Around = null)
{
    /// <summary>A new folder with the files around the broken one.</summary>
    public string CreateFolder()
    {
        string folder = Fixtures.TemporaryFolder();
        if (Around is null) return folder;
        foreach (string file in Directory.EnumerateFiles(Around).Where(file => Path.GetFileName(file) != FileName))
            File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(file)), file);
        return folder;
    }
}
