namespace Lapidary.Hub;

/// <content>Files to the Hub.</content>
public sealed partial class HubClient
{
    /// <summary>Whose token it is.</summary>
    /// <exception cref="HubException">There is no token, or the Hub does not know it.</exception>
    public Task<HubUser> WhoAmIAsync(CancellationToken cancellation = default) => throw new NotImplementedException();

    /// <summary>Makes a repository where there is none.</summary>
    /// <returns>Its page.</returns>
    public Task<string> CreateRepoAsync(HubRepo repo, bool? isPrivate = null, CancellationToken cancellation = default) =>
        throw new NotImplementedException();

    /// <summary>Puts the files of a folder into a repository, which is made where it is missing. What is there already is not sent;
    /// files of the repository that the folder lacks stay.</summary>
    /// <exception cref="HubException">The Hub refused or could not be asked.</exception>
    public Task<UploadResult> UploadAsync(
        string folder, HubRepo repo, UploadOptions? options = null, CancellationToken cancellation = default) =>
        throw new NotImplementedException();
}
