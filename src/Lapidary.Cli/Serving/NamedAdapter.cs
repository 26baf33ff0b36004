using Lapidary.Gemma.Sources;

namespace Lapidary.Cli.Serving;

/// <summary>An adapter of --adapter [NAME=]DIR_OR_ID.</summary>
/// <param name="Name">As callers choose it.</param>
/// <param name="Source">Its folder or id.</param>
internal sealed record NamedAdapter(string Name, string Source)
{
    /// <summary>The name that callers use if none is given: an id, or a folder's own name, also of "." and "..".</summary>
    public static string NameOf(string folderOrId) =>
        ModelSource.ShortName(Directory.Exists(folderOrId) ? Path.GetFullPath(folderOrId) : folderOrId);

    /// <summary>Reads the option's value. A folder whose own name has a "=" is meant as a whole.</summary>
    /// <exception cref="FormatException">There is no name or no folder.</exception>
    public static NamedAdapter Parse(string text)
    {
        int at = Directory.Exists(text) ? -1 : text.IndexOf('=', StringComparison.Ordinal);
        if (at < 0) return new(NameOf(text), text);
        string name = text[..at], source = text[(at + 1)..];
        return name.Length > 0 && source.Length > 0 && !name.Any(char.IsControl) ? new(name, source)
            : throw new FormatException($"expected NAME=DIR_OR_ID, found \"{text}\"");
    }
}
