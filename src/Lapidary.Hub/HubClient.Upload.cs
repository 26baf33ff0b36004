using Lapidary.Formats;
using Lapidary.Hub.Auth;
using Lapidary.Hub.Upload;

namespace Lapidary.Hub;

/// <content>Files to the Hub.</content>
public sealed partial class HubClient
{
    /// <summary>The owner of the token. The Hub allows this call only rarely: call it once, not before each upload.</summary>
    /// <exception cref="HubException">No token is set, or the Hub does not know it.</exception>
    public Task<HubUser> WhoAmIAsync(CancellationToken cancellation = default) => WhoAmI.AskAsync(Http, Options, cancellation);

    /// <summary>Creates a repository if it is missing.</summary>
    /// <param name="repo">The repository; without an owner, it is created under the account.</param>
    /// <param name="isPrivate">Whether a new repository is private; null for the default of the account.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <returns>Its page.</returns>
    /// <exception cref="HubException">The token has no permission, or the Hub refused or cannot be reached.</exception>
    public Task<string> CreateRepoAsync(HubRepo repo, bool? isPrivate = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return Setup().CreateAsync(repo, isPrivate, cancellation);
    }

    /// <summary>Checks that an upload can begin: repository and branch exist or are created, and the token may write to them. For callers
    /// whose files are ready only after long work.</summary>
    /// <returns>The repository, with its owner.</returns>
    /// <exception cref="HubException">The token has no permission, or the Hub refused or cannot be reached.</exception>
    public async Task<HubRepo> PrepareUploadAsync(HubRepo repo, UploadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        options ??= new UploadOptions();
        try
        {
            var (ready, _) = await Setup().PrepareAsync(repo, options, cancellation).ConfigureAwait(false);

            // A token that may ask about an upload may also upload; the question leaves nothing behind.
            var question = new Preupload(Http, ready, options.Revision);
            await question.AskAsync([(ModelCard.FileName, () => [], 0)], cancellation).ConfigureAwait(false);
            return ready;
        }
        catch (HubException e)
        {
            throw await OwnerHint.ExplainAsync(Http, Options, repo, e, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Uploads the files of a folder to a repository, which is created if missing. Files that the repository already has are not
    /// uploaded; files of the repository that the folder lacks stay. Up to 100 files form one commit. An interrupted upload continues when
    /// it is started again: stored contents are not uploaded again.</summary>
    /// <exception cref="HubException">The Hub refused or cannot be reached.</exception>
    /// <exception cref="LapidaryException">A file cannot be read, changes during the upload, or is not allowed in a repository; or a
    /// pattern matches nothing.</exception>
    /// <remarks>Not uploaded: .git, .cache/huggingface, unfinished files (*.tmp-*), and files that .gitignore excludes, which a note
    /// reports. A link to a file is uploaded as the file; a link to a folder is left out.</remarks>
    public async Task<UploadResult> UploadAsync(
        string folder, HubRepo repo, UploadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(repo);
        try
        {
            var job = new UploadJob(Http, Setup(), Options, options ?? new UploadOptions());
            return await job.RunAsync(folder, repo, cancellation).ConfigureAwait(false);
        }
        catch (HubException e)
        {
            throw await OwnerHint.ExplainAsync(Http, Options, repo, e, cancellation).ConfigureAwait(false);
        }
    }

    private RepoSetup Setup() => new(Http, Options, GetInfoAsync);
}
