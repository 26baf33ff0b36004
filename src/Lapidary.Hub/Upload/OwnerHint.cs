using Lapidary.Hub.Auth;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>Explains a refused upload: the usual mistake is an owner that is somebody else.</summary>
internal static class OwnerHint
{
    private const int MostOrganizations = 3;

    /// <summary>The error that names the user and where the user may upload; the given one if the owner is not the reason.</summary>
    /// <param name="http">Sends requests.</param>
    /// <param name="options">The token.</param>
    /// <param name="repo">The target.</param>
    /// <param name="error">The Hub's refusal.</param>
    /// <param name="cancellation">Cancels the call.</param>
    public static async Task<HubException> ExplainAsync(
        HubHttp http, HubOptions options, HubRepo repo, HubException error, CancellationToken cancellation)
    {
        if (error.Error != HubError.Token || options.Token is not { } token) return error;
        if (repo.Id.Split('/') is not [var owner, var name]) return error;
        try
        {
            var user = await WhoAmI.AskAsync(http, options, cancellation).ConfigureAwait(false);
            string[] mine = [user.Name, .. user.Organizations];
            if (mine.Contains(owner, StringComparer.OrdinalIgnoreCase)) return error;
            string places = string.Join(" or ", mine.Take(1 + MostOrganizations).Select(place => $"{place}/{name}"));
            return new HubException(
                HubError.Token, $"{repo.Id}: you are {user.Name} (token of {token.Source}), who may not write there; use {places}.", error);
        }
        catch (HubException)
        {
            return error; // it says what the Hub said
        }
    }
}
