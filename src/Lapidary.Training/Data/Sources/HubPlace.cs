using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Training.Data.Sources;

/// <summary>A data set of the Hub, at the commit that its revision named when it was first asked for. Where the Hub cannot be asked, what
/// is cached of it.</summary>
internal sealed class HubPlace : IDataPlace
{
    private readonly HubRepo _repo;
    private readonly IHubAccess _hub;

    /// <summary>The commit; offline and without a cached card, the revision, which nothing can change then.</summary>
    private string _revision;

    /// <summary>Finds commit and names, and fetches the card.</summary>
    /// <param name="id">Owner and name.</param>
    /// <param name="revision">Branch, tag or commit; null for main.</param>
    /// <param name="hub">Asks the Hub.</param>
    /// <exception cref="HubException">There is no such data set, or it cannot be asked for and is not cached.</exception>
    /// <exception cref="LapidaryException">The data set is a program.</exception>
    public HubPlace(string id, string? revision, IHubAccess hub)
    {
        (_repo, _hub, _revision) = (new HubRepo(id, RepoType.Dataset), hub, revision ?? "main");
        try
        {
            // By the revision's name, so that the cache knows it when the Hub cannot be asked.
            try
            {
                _revision = Download(file => file is DataCard.YamlName or DataCard.ReadmeName).Commit;
            }
            catch (HubException error) when (error.Error is HubError.Offline)
            {
                // The rows may be there without a card.
            }

            Files = hub.Ask(id, (client, _, stop) => client.ListFilesAsync(_repo, _revision, stop)).Select(file => file.Path).ToArray();
        }
        catch (HubException error) when (error.Error is HubError.RepositoryNotFound or HubError.Offline)
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
        // Of a cache that another program filled in part, no list says what is missing.
        if (_hub.Ask(Name, (client, _, _) => Task.FromResult(client.Options.IsOffline))) NumberedFiles.RequireAll(Name, files);
        var wanted = files.ToHashSet(StringComparer.Ordinal);
        var snapshot = Download(wanted.Contains);
        _revision = snapshot.Commit;
        return [.. files.Select(file => Path.Combine(snapshot.Path, file))];
    }

    private Snapshot Download(Func<string, bool> isWanted) => _hub.Ask(Name, (client, progress, stop) => client.DownloadAsync(
        _repo, new() { Revision = _revision, Filter = file => isWanted(file.Path), Progress = progress }, stop));
}
