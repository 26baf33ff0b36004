using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Text;

/// <summary>Files that a folder takes over from another one.</summary>
internal static class ModelFiles
{
    /// <summary>Copies a file where there is one.</summary>
    public static bool TryCopy(string name, string source, string target)
    {
        string path = Path.Combine(source, name);
        if (!InputFile.IsThere(path)) return false;
        using var file = InputFile.OpenRead(path);
        AtomicFile.WriteStream(Path.Combine(target, name), file.CopyTo);
        return true;
    }
}
