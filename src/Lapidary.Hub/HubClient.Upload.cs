using Lapidary.Formats;
using Lapidary.Hub.Auth;
using Lapidary.Hub.Upload;

namespace Lapidary.Hub;

/// <content>Files to the Hub.</content>
public sealed partial class HubClient
{
    /// <summary>Whose token it is. The Hub allows this seldom: ask once, not before each upload.</summary>
    /// <exception cref="HubException">There is no token, or the Hub does not know it.</exception>
    public Task<HubUser> WhoAmIAsync(CancellationToken cancellation = default) => WhoAmI.AskAsync(Http, Options, cancellation);

    /// <summary>Makes a repository where there is none.</summary>
    /// <param name="repo">One without an owner becomes the account's own.</param>
    /// <param name="isPrivate">Whether only some may see a repository that is made now; null for what the account's settings say.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Its page.</returns>
    /// <exception cref="HubException">The token may not, or the Hub refused or could not be asked.</exception>
    public Task<string> CreateRepoAsync(HubRepo repo, bool? isPrivate = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return Setup().CreateAsync(repo, isPrivate, cancellation);
    }

    /// <summary>Makes sure that an upload can begin: the repository and the branch are there, or are made, and the token may write to
    /// them. For those who have files only after long work.</summary>
    /// <returns>The repository, with its owner.</returns>
    /// <exception cref="HubException">The token may not, or the Hub refused or could not be asked.</exception>
    public async Task<HubRepo> PrepareUploadAsync(HubRepo repo, UploadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        options ??= new UploadOptions();
        var (ready, _) = await Setup().PrepareAsync(repo, options, cancellation).ConfigureAwait(false);

        // Who may ask about files that are to come may send them; nothing is kept of the question.
        var question = new Preupload(Http, ready, options.Revision);
        await question.AskAsync([(ModelCard.FileName, () => [], 0)], cancellation).ConfigureAwait(false);
        return ready;
    }

    /// <summary>Puts the files of a folder into a repository, which is made where it is missing. What is there already is not sent;
    /// files of the repository that the folder lacks stay. Up to 100 files are one commit. An upload that was interrupted goes on where it
    /// was when it is started again: contents that are stored are not sent again.</summary>
    /// <exception cref="HubException">The Hub refused or could not be asked.</exception>
    /// <exception cref="LapidaryException">A file cannot be read, changes while it is sent, or is none that a repository takes; or a
    /// pattern matches nothing.</exception>
    /// <remarks>Left out are .git, .cache/huggingface, files that are being written (*.tmp-*), and what .gitignore names, of which the note
    /// tells. A link to a file is sent as that file; a link to a folder is left out.</remarks>
    public Task<UploadResult> UploadAsync(
        string folder, HubRepo repo, UploadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(repo);
        return new UploadJob(Http, Setup(), Options, options ?? new UploadOptions()).RunAsync(folder, repo, cancellation);
    }

    private RepoSetup Setup() => new(Http, Options, GetInfoAsync);
}
