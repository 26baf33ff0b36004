using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Gemma.Sources;

/// <summary>A model, adapter or tokenizer by its name, and its local folder: the folder itself, which takes precedence over an id, or the
/// folder in the Hub's cache. Every input that accepts a folder or an id goes through this type.</summary>
/// <param name="Folder">Where its files are.</param>
/// <param name="Name">The name as given: a folder, "owner/name" or "owner/name@revision".</param>
internal sealed record ModelSource(string Folder, string Name)
{
    /// <summary>Most folders that a message names.</summary>
    private const int MostNamed = 4;

    /// <summary>The folder; uncached files of an id are fetched.</summary>
    /// <param name="folderOrId">The given name.</param>
    /// <param name="files">The purpose, which selects the files.</param>
    /// <param name="hub">The client; null for one configured by the environment.</param>
    /// <exception cref="LapidaryException">Neither a folder nor an id, or the files are not of the expected kind.</exception>
    public static ModelSource Find(string folderOrId, HubFiles files, HubClient? hub = null)
    {
        ArgumentNullException.ThrowIfNull(folderOrId);
        if (ReferenceOf(folderOrId, files) is not { } reference) return new(folderOrId, folderOrId);
        using var own = hub is null ? new HubClient() : null;
        return new(Fetch(reference, files, hub ?? own!).Path, folderOrId);
    }

    /// <summary>The id that a text names; null if it is a folder.</summary>
    /// <exception cref="LapidaryException">The text can only be a path, and the folder does not exist.</exception>
    public static HubReference? ReferenceOf(string folderOrId, HubFiles files)
    {
        if (Directory.Exists(folderOrId))
        {
            if (files.Required == HubFiles.Model.Required && IsAdapter(folderOrId))
            {
                throw new LapidaryException(
                    $"{FileErrors.OneLine(folderOrId)}: expected a model ({files.Required}), found an adapter; give it as the adapter.");
            }

            if (files.Required == HubFiles.Adapter.Required && IsModel(folderOrId))
            {
                throw new LapidaryException(
                    $"{FileErrors.OneLine(folderOrId)}: expected an adapter ({files.Required}), found a whole model, which needs no merge; "
                    + "give it as the model, without an adapter.");
            }

            RefuseFolderOfMany(folderOrId, files);
            return null;
        }

        if (HubReference.TryParse(folderOrId, RepoType.Model, out var reference)) return reference;
        string found = File.Exists(folderOrId) ? "a file" : "none";
        throw new LapidaryException(
            $"{FileErrors.OneLine(folderOrId)}: expected {files.What} folder (with {files.Required}) or an id such as "
            + $"google/gemma-3-1b-pt, found {found}; check the path.");
    }

    /// <summary>Refuses a folder that is no model, or no adapter, but holds some, as that of a demonstration does. A run that has only
    /// checkpoints is told of where its files are read.</summary>
    private static void RefuseFolderOfMany(string folder, HubFiles files)
    {
        Func<string, bool>? isOne = files.Required == HubFiles.Model.Required ? IsModel
            : files.Required == HubFiles.Adapter.Required ? IsAdapter : null;
        if (isOne is null || File.Exists(Path.Combine(folder, files.Required))) return;
        string[] inside;
        try
        {
            inside =
            [
                .. Directory.EnumerateDirectories(folder).Where(each => isOne(each) && !IsCheckpoint(each)).Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return; // a folder that cannot be listed may have files that can be read
        }

        if (inside.Length == 0) return;
        string names = string.Join(", ", inside.Take(MostNamed).Select(FileErrors.OneLine));
        string more = inside.Length > MostNamed ? $" and {inside.Length - MostNamed} more" : "";
        throw new LapidaryException(
            $"{FileErrors.OneLine(folder)}: expected {files.What} folder (with {files.Required}), found a folder that holds "
            + $"{names}{more}; give {(inside.Length == 1 ? "that" : "one of them")}.");
    }

    private static bool IsCheckpoint(string folder) => Path.GetFileName(folder).StartsWith("checkpoint-", StringComparison.Ordinal);

    private static bool IsModel(string folder) =>
        File.Exists(Path.Combine(folder, HubFiles.Model.Required)) && !File.Exists(Path.Combine(folder, HubFiles.Adapter.Required));

    private static bool IsAdapter(string folder) =>
        File.Exists(Path.Combine(folder, HubFiles.Adapter.Required)) && !File.Exists(Path.Combine(folder, HubFiles.Model.Required));

    /// <summary>Fetches uncached files.</summary>
    /// <exception cref="LapidaryException">The Hub refused or cannot be reached, or the files are not of the expected kind.</exception>
    public static Snapshot Fetch(
        HubReference reference, HubFiles files, HubClient hub, IProgress<TransferProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        var options = new DownloadOptions { Select = all => files.Select(reference.Repo.Id, all), Progress = progress };
        if (reference.Revision is { } revision) options = options with { Revision = revision };
        try
        {
            return hub.DownloadAsync(reference.Repo, options, cancellation).GetAwaiter().GetResult();
        }
        catch (HubException e) when (e.NameMayBeAPath)
        {
            throw new HubException(e.Error, $"{e.Message} (There is no folder {reference.Repo.Id} here either.)", e);
        }
    }

    /// <summary>The id and commit of a folder of a Hub's cache, models--owner--name/snapshots/COMMIT; null for another folder.</summary>
    public static HubReference? CachedAs(string folder)
    {
        const string Prefix = "models--";
        string path = Path.TrimEndingDirectorySeparator(folder), snapshots = Path.GetDirectoryName(path) ?? "";
        string commit = Path.GetFileName(path), repo = Path.GetFileName(Path.GetDirectoryName(snapshots)) ?? "";
        return Path.GetFileName(snapshots) == "snapshots" && commit.Length == 40 && commit.All(char.IsAsciiHexDigitLower)
            && repo.StartsWith(Prefix, StringComparison.Ordinal)
            && HubReference.TryParse(
                $"{repo[Prefix.Length..].Replace("--", "/", StringComparison.Ordinal)}@{commit}", RepoType.Model, out var reference)
                ? reference
                : null;
    }

    /// <summary>A model's short name: its id, or the last part of its path.</summary>
    public static string ShortName(string folderOrId)
    {
        string name = BaseOf(folderOrId).Name;
        return name == folderOrId && Directory.Exists(folderOrId)
            ? CachedAs(folderOrId)?.Repo.Id ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(folderOrId))
            : name;
    }

    /// <summary>A base as PEFT names it: an id split from its revision, any other value unchanged.</summary>
    public static (string Name, string? Revision) BaseOf(string folderOrId) =>
        !Directory.Exists(folderOrId) && HubReference.TryParse(folderOrId, RepoType.Model, out var reference)
            ? (reference.Repo.Id, reference.Revision)
            : (folderOrId, null);
}
