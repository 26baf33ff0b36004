using Lapidary.Formats;

namespace Lapidary.Hub;

/// <content>Files from the Hub.</content>
public sealed partial class HubClient
{
    /// <summary>Fetches files of a repository, all of one commit; those that are cached are not fetched again.</summary>
    /// <exception cref="HubException">The Hub refused or could not be asked, or a file is not what was announced.</exception>
    /// <exception cref="LapidaryException">A pattern matches nothing, or there is no space for the files.</exception>
    public Task<Snapshot> DownloadAsync(
        HubRepo repo, DownloadOptions? options = null, CancellationToken cancellation = default) => throw new NotImplementedException();

    /// <summary>Fetches one file.</summary>
    /// <returns>Its path on this machine.</returns>
    public Task<string> DownloadFileAsync(
        HubRepo repo, string path, DownloadOptions? options = null, CancellationToken cancellation = default) =>
        throw new NotImplementedException();

    /// <summary>The folder of a model, adapter or data set that a user names: a folder of this machine as it is, which goes before an
    /// id; or an id, whose files are fetched.</summary>
    /// <param name="folderOrId">A folder, "owner/name" or "owner/name@revision".</param> <param name="type">What the id stands for.</param>
    /// <param name="options">Which files.</param> <param name="cancellation">Ends it; what was fetched so far is kept.</param>
    public Task<string> ResolveAsync(
        string folderOrId, RepoType type, DownloadOptions? options = null, CancellationToken cancellation = default) =>
        throw new NotImplementedException();
}
