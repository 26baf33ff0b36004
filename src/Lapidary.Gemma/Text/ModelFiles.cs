using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Text;

/// <summary>Copies files from one folder to another.</summary>
internal static class ModelFiles
{
    /// <summary>Copies a file if it exists.</summary>
    public static bool TryCopy(string name, string source, string target)
    {
        string path = Path.Combine(source, name);
        if (!InputFile.IsThere(path)) return false;
        using var file = InputFile.OpenRead(path);
        AtomicFile.WriteStream(Path.Combine(target, name), file.CopyTo);
        return true;
    }
}
