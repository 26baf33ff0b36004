namespace Lapidary.Formats.Files;

/// <summary>Turns file system failures into one line that says what to do, and makes names from untrusted files printable.</summary>
internal static class FileErrors
{
    private const int MaxNameLength = 120;

    // errno values (Linux, macOS) and HRESULTs (Windows) of "no space left" and "quota exceeded", as IOException.HResult carries them.
    private static readonly int[] NoSpace = [28, 122, 69, unchecked((int)0x80070070), unchecked((int)0x80070027)];

    // "Would block" of Linux and macOS, and Windows' sharing violation.
    private static readonly int[] Held = [11, 35, unchecked((int)0x80070020)];

    /// <summary>Whether another process, or another stream of this one, has the file open for itself alone.</summary>
    public static bool IsHeldByAnother(IOException e) => Held.Contains(e.HResult);

    /// <summary>Whether the exception comes from the file system rather than from a bug.</summary>
    public static bool IsFileSystem(Exception e) => e is IOException or UnauthorizedAccessException;

    /// <summary>The error for a file that could not be written.</summary>
    public static LapidaryException Writing(string path, Exception e) => new(e switch
    {
        UnauthorizedAccessException => $"{path}: no permission to write here; check the folder's permissions or choose another folder.",
        _ when NoSpace.Contains(e.HResult) => $"{path}: the disk is full; free some space or choose a folder on another disk.",
        _ => $"{path}: could not be written ({OneLine(e.Message)}); check the path or choose another folder.",
    }, e);

    /// <summary>The error for a file that could not be read.</summary>
    public static LapidaryException Reading(string path, Exception e) => new(e switch
    {
        FileNotFoundException or DirectoryNotFoundException => $"{path}: file not found; check the path.",
        UnauthorizedAccessException => $"{path}: no permission to read it, or it is a folder; check the path and its permissions.",
        _ => $"{path}: could not be read ({OneLine(e.Message)}); check the path and the disk.",
    }, e);

    /// <summary>The text in the form of <see cref="Printable"/>, shortened to the length of a name.</summary>
    public static string OneLine(string text) =>
        text.Length > MaxNameLength ? Printable.Line(text[..MaxNameLength]) + "…" : Printable.Line(text);
}
