using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Training.Data.Sources;

/// <summary>A data set of the Hub at a fixed commit: the one that its revision named at the first request. If the Hub cannot be reached,
/// the cached files are used.</summary>
internal sealed class HubPlace : IDataPlace
{
    private readonly HubRepo _repo;
    private readonly IHubAccess _hub;

    /// <summary>The commit. Offline and without a cached card, it is the revision, which cannot change then.</summary>
    private string _revision;

    /// <summary>Finds the commit and the file names, and fetches the card.</summary>
    /// <param name="id">Owner and name.</param>
    /// <param name="revision">Branch, tag or commit; null for main.</param>
    /// <param name="hub">The Hub client.</param>
    /// <exception cref="HubException">The data set does not exist, or the Hub cannot be reached and the data set is not cached.</exception>
    /// <exception cref="LapidaryException">The data set is a program.</exception>
    public HubPlace(string id, string? revision, IHubAccess hub)
    {
        (_repo, _hub, _revision) = (new HubRepo(id, RepoType.Dataset), hub, revision ?? "main");
        try
        {
            // Ask with the revision's name, so that the cache can answer later when the Hub cannot be reached.
            try
            {
                _revision = Download(file => file is DataCard.YamlName or DataCard.ReadmeName).Commit;
            }
            catch (HubException error) when (error.Error is HubError.Offline)
            {
                // The rows may be cached without a card.
            }

            Files = hub.Ask(id, (client, _, stop) => client.ListFilesAsync(_repo, _revision, stop)).Select(file => file.Path).ToArray();
        }
        catch (HubException error) when (error.NameMayBeAPath)
        {
            throw new HubException(error.Error, $"{error.Message} There is no file or folder \"{id}\" either.", error);
        }

        string program = id[(id.LastIndexOf('/') + 1)..] + ".py";
        if (Files.Contains(program))
        {
            throw new LapidaryException($"{id}: expected data files, found a data set that its program {program} makes; programs are not "
                + "run. Look for a copy in Parquet or JSON Lines, or save its rows as such a file with Python.");
        }
    }

    public string Name => _repo.Id;

    public IReadOnlyList<string> Files { get; }

    /// <summary>Its commit: 40 hex digits.</summary>
    public string Commit => _revision;

    public string ReadText(string file) =>
        InputFile.ReadAllText(Path.Combine(Download(path => path == file).Path, file), DataCard.MaxBytes, "a data set's card");

    public IReadOnlyList<string> Fetch(IReadOnlyList<string> files)
    {
        // If another program filled the cache in part, no list tells which files are missing.
        if (_hub.Ask(Name, (client, _, _) => Task.FromResult(client.Options.IsOffline))) NumberedFiles.RequireAll(Name, files);
        var wanted = files.ToHashSet(StringComparer.Ordinal);
        var snapshot = Download(wanted.Contains);
        _revision = snapshot.Commit;
        return [.. files.Select(file => Path.Combine(snapshot.Path, file))];
    }

    private Snapshot Download(Func<string, bool> isWanted) => _hub.Ask(Name, (client, progress, stop) => client.DownloadAsync(
        _repo, new() { Revision = _revision, Filter = file => isWanted(file.Path), Progress = progress }, stop));
}
