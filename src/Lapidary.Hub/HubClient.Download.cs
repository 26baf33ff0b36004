using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Download;

namespace Lapidary.Hub;

/// <content>Files from the Hub.</content>
public sealed partial class HubClient
{
    /// <summary>Fetches files of a repository, all from one commit; cached files are not fetched again.</summary>
    /// <exception cref="HubException">The Hub refused or cannot be reached, or a file differs from its announced hash or size.</exception>
    /// <exception cref="LapidaryException">A pattern matches nothing, or the disk is too full.</exception>
    public Task<Snapshot> DownloadAsync(HubRepo repo, DownloadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.RunAsync(repo, options ?? new DownloadOptions(), cancellation);
    }

    /// <summary>Fetches one file.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="path">The file's path.</param>
    /// <param name="options">Revision, folder and progress.</param>
    /// <param name="cancellation">Cancels the call; the fetched bytes are kept.</param>
    /// <returns>Its path on this machine.</returns>
    /// <exception cref="HubException">The Hub refused or cannot be reached, has no such file, or the file differs from its announced hash
    /// or size.</exception>
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

    /// <summary>The folder of a model, adapter or data set by its name. A local folder is returned unchanged and takes precedence over an
    /// id; the files of an id are fetched.</summary>
    /// <param name="folderOrId">A folder, "owner/name" or "owner/name@revision".</param>
    /// <param name="type">The type of repository for an id.</param>
    /// <param name="options">Which files.</param>
    /// <param name="cancellation">Cancels the call; the fetched bytes are kept.</param>
    /// <exception cref="HubException">The name is an id, and the Hub refused or cannot be reached.</exception>
    /// <exception cref="LapidaryException">The name is neither a folder nor an id.</exception>
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
        catch (HubException e) when (e.NameMayBeAPath)
        {
            throw new HubException(e.Error, $"{e.Message} There is no folder \"{folderOrId}\" either.", e);
        }
    }
}
