using Lapidary.Formats;

namespace Lapidary.Hub.Download;

/// <summary>What a user means who names a model, an adapter or a data set: a folder of this machine, or an id of the Hub.</summary>
/// <param name="Folder">The folder, or null.</param> <param name="Id">The id, or null.</param> <param name="Revision">Behind the id's "@",
/// or null.</param>
internal sealed record FolderOrId(string? Folder, string? Id, string? Revision)
{
    /// <summary>Reads the text; a folder that is there goes before an id.</summary>
    /// <exception cref="LapidaryException">It is neither.</exception>
    public static FolderOrId Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Directory.Exists(text)) return new FolderOrId(text, null, null);
        if (File.Exists(text))
            throw new LapidaryException($"{text}: expected a folder or an id of the Hub, found a file; name its folder.");
        int at = text.IndexOf('@', StringComparison.Ordinal);
        string id = at < 0 ? text : text[..at];
        if (at != text.Length - 1 && HubRepo.IsId(id)) return new FolderOrId(null, id, at < 0 ? null : text[(at + 1)..]);
        throw new LapidaryException(LooksLikePath(text)
            ? $"{text}: there is no such folder; check the path."
            : $"{text}: expected a folder that exists or an id of the Hub such as google/gemma-3-1b-pt or owner/name@revision, found "
                + "neither; check it.");
    }

    private static bool LooksLikePath(string text) => Path.IsPathRooted(text) || text.StartsWith('.') || text.StartsWith('~')
        || text.EndsWith('/') || text.Contains('\\', StringComparison.Ordinal) || text.Count(c => c == '/') > 1;
}
