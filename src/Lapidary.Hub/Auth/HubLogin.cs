using Lapidary.Formats;
using Lapidary.Hub.Auth;
using Lapidary.Hub.Http;

namespace Lapidary.Hub;

/// <summary>The token files that Python's huggingface_hub shares.</summary>
public static class HubLogin
{
    /// <summary>Asks the Hub for the owner of a token and then saves it: as the active token, and under its name among the
    /// others.</summary>
    /// <exception cref="HubException">The Hub does not know the token or cannot be reached; nothing is saved.</exception>
    /// <exception cref="LapidaryException">A file cannot be written.</exception>
    public static async Task<HubUser> LoginAsync(HubOptions options, HubToken token, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(token);
        string text = TokenFiles.Clean(token.Value);
        var clean = new HubToken(text, token.Source);
        var asked = options with { Token = clean };
        using var http = new HubHttp(asked);
        if (text.Length == 0 || text.Any(c => c is <= ' ' or > '~'))
        {
            throw new HubException(HubError.Token,
                $"The token of {token.Source} is empty or has characters that no token has; make one at {http.Urls.TokenPage} and copy "
                + "all of it.");
        }

        var user = await WhoAmI.AskAsync(http, asked, cancellation).ConfigureAwait(false);
        new TokenFiles(options.TokenFile).Save(user.TokenName ?? $"oauth-{user.Name}", clean);
        if (options.Token is { IsOfVariable: true } && options.Token.Value != clean.Value)
        {
            options.Note?.Invoke(
                $"{options.Token.Source} is set and goes before the token that was saved; unset it to use that one.");
        }

        return user;
    }

    /// <summary>Deletes the active token. A token in an environment variable stays, and the note says so.</summary>
    /// <returns>Whether a token was saved.</returns>
    /// <exception cref="LapidaryException">A file cannot be written.</exception>
    public static bool Logout(HubOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        bool isGone = new TokenFiles(options.TokenFile).Remove();
        if (options.Token is { IsOfVariable: true })
            options.Note?.Invoke($"{options.Token.Source} is set and is still used; unset it to be logged out.");
        return isGone;
    }
}
