using Lapidary.Formats.Files;

namespace Lapidary.Server.Http;

/// <summary>What was found, for a message.</summary>
internal static class Found
{
    private const int MaxLength = 60;

    /// <summary>A text on one line, shortened.</summary>
    public static string Of(string text)
    {
        string line = FileErrors.OneLine(text.Length > MaxLength ? text[..MaxLength] : text);
        return text.Length > MaxLength ? line + "…" : line;
    }
}
