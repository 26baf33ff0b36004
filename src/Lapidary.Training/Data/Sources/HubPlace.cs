using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Training.Data.Sources;

/// <summary>A data set of the Hub, at the commit that its revision named when it was first asked for. Where the Hub cannot be asked, its
/// files that are cached.</summary>
internal sealed class HubPlace : IDataPlace
{
    private readonly HubRepo _repo;
    private readonly IHubAccess _hub;

    /// <summary>The cached folder, where the Hub was not asked.</summary>
    private readonly FolderPlace? _cached;

    /// <summary>Finds commit and names.</summary>
    /// <param name="id">Owner and name.</param> <param name="revision">Branch, tag or commit; null for main.</param>
    /// <param name="hub">Asks the Hub.</param>
    /// <exception cref="HubException">There is no such data set, or it cannot be asked for and is not cached.</exception>
    /// <exception cref="LapidaryException">The data set is a program.</exception>
    public HubPlace(string id, string? revision, IHubAccess hub)
    {
        (_repo, _hub) = (new HubRepo(id, RepoType.Dataset), hub);
        try
        {
            (Commit, Files) = hub.Ask(id, (client, _, stop) => ListAsync(client, _repo, revision ?? "main", stop));
        }
        catch (HubException error) when (error.Error is HubError.Offline or HubError.Unreachable)
        {
            var options = new DownloadOptions { Revision = revision ?? "main" };
            var snapshot = hub.Ask(id, (client, _, stop) => client.DownloadAsync(_repo, options, stop));
            (Commit, _cached) = (snapshot.Commit, new FolderPlace(snapshot.Path));
            Files = _cached.Files;
        }
        catch (HubException error) when (error.Error is HubError.RepositoryNotFound)
        {
            throw new HubException(error.Error, $"{id}: no file or folder of this name here, and on the Hub: {error.Message}", error);
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
    public string Commit { get; }

    public string ReadText(string file)
    {
        string path = _cached is null
            ? _hub.Ask(Name, (client, _, stop) => client.DownloadFileAsync(_repo, file, new DownloadOptions { Revision = Commit }, stop))
            : _cached.Fetch([file])[0];
        return InputFile.ReadAllText(path, DataCard.MaxBytes, "a data set's card");
    }

    public IReadOnlyList<string> Fetch(IReadOnlyList<string> files)
    {
        if (_cached is not null)
        {
            NumberedFiles.RequireAll(Name, files);
            return _cached.Fetch(files);
        }

        var wanted = files.ToHashSet(StringComparer.Ordinal);
        string folder = _hub.Ask(Name, (client, progress, stop) => client.DownloadAsync(
            _repo, new() { Revision = Commit, Filter = file => wanted.Contains(file.Path), Progress = progress }, stop)).Path;
        return [.. files.Select(file => Path.Combine(folder, file))];
    }

    private static async Task<(string Commit, IReadOnlyList<string> Files)> ListAsync(
        HubClient client, HubRepo repo, string revision, CancellationToken stop)
    {
        var info = await client.GetInfoAsync(repo, revision, stop).ConfigureAwait(false);
        var files = await client.ListFilesAsync(repo, info.Commit, stop).ConfigureAwait(false);
        return (info.Commit, [.. files.Select(file => file.Path)]);
    }
}
