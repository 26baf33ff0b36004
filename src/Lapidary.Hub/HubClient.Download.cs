using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Download;

namespace Lapidary.Hub;

/// <content>Files from the Hub.</content>
public sealed partial class HubClient
{
    /// <summary>Fetches files of a repository, all of one commit; those that are cached are not fetched again.</summary>
    /// <exception cref="HubException">The Hub refused or could not be asked, or a file is not what was announced.</exception>
    /// <exception cref="LapidaryException">A pattern matches nothing, or there is no space for the files.</exception>
    public Task<Snapshot> DownloadAsync(HubRepo repo, DownloadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.RunAsync(repo, options ?? new DownloadOptions(), cancellation);
    }

    /// <summary>Fetches one file.</summary>
    /// <param name="repo">Whose.</param>
    /// <param name="path">Which.</param>
    /// <param name="options">Revision, folder and progress.</param>
    /// <param name="cancellation">Ends it; what was fetched so far is kept.</param>
    /// <returns>Its path on this machine.</returns>
    /// <exception cref="HubException">The Hub refused or could not be asked, has no such file, or it is not what was announced.</exception>
    public async Task<string> DownloadFileAsync(
        HubRepo repo, string path, DownloadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DownloadOptions();
        if (options.LocalDir is null)
            return await new SingleFile(Options, Http).RunAsync(repo, path, options, cancellation).ConfigureAwait(false);
        var one = options with { Include = [], Exclude = [], Filter = file => file.Path == path };
        var snapshot = await DownloadAsync(repo, one, cancellation).ConfigureAwait(false);
        return snapshot.Files == 1
            ? Path.Combine([snapshot.Path, .. path.Split('/')])
            : throw new HubException(
                HubError.FileNotFound, $"{repo.Id}: has no file \"{path}\" in revision \"{options.Revision}\"; check its name.");
    }

    /// <summary>The folder of a model, adapter or data set that a user names: a folder of this machine as it is, which goes before an
    /// id; or an id, whose files are fetched.</summary>
    /// <param name="folderOrId">A folder, "owner/name" or "owner/name@revision".</param>
    /// <param name="type">What the id stands for.</param>
    /// <param name="options">Which files.</param>
    /// <param name="cancellation">Ends it; what was fetched so far is kept.</param>
    /// <exception cref="HubException">It is an id, and the Hub refused or could not be asked.</exception>
    /// <exception cref="LapidaryException">It is neither.</exception>
    public async Task<string> ResolveAsync(
        string folderOrId, RepoType type, DownloadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folderOrId);
        if (Directory.Exists(folderOrId)) return folderOrId;
        if (!HubReference.TryParse(folderOrId, type, out var named))
        {
            throw new LapidaryException(
                $"{FileErrors.OneLine(folderOrId)}: expected a folder or an id of the Hub such as google/gemma-3-1b-pt or "
                + $"owner/name@revision, found {(File.Exists(folderOrId) ? "a file" : "neither")}; check the path.");
        }

        options ??= new DownloadOptions();
        if (named.Revision is { } revision) options = options with { Revision = revision };
        try
        {
            return (await DownloadAsync(named.Repo, options, cancellation).ConfigureAwait(false)).Path;
        }
        catch (HubException e) when (e.Error is HubError.RepositoryNotFound or HubError.Offline)
        {
            throw new HubException(e.Error, $"{e.Message} There is no folder \"{folderOrId}\" either.", e);
        }
    }
}
