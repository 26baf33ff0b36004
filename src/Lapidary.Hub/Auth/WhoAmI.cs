using System.Text.Json;
using System.Text.Json.Serialization;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Auth;

/// <summary>The answer of whoami-v2; other keys are ignored.</summary>
internal sealed record WhoAmI(string? Type, string? Name, WhoAmI.Organization[]? Orgs, WhoAmI.Authentication? Auth)
{
    /// <summary>Asks the Hub for the owner of the token.</summary>
    /// <exception cref="HubException">No token is set, it belongs to an organization, or the Hub does not know it.</exception>
    public static async Task<HubUser> AskAsync(HubHttp http, HubOptions options, CancellationToken cancellation)
    {
        if (options.Token is null && !options.IsOffline)
        {
            throw new HubException(HubError.Token,
                $"{http.Urls.Host}: no token is set; make one at {http.Urls.TokenPage} and log in with it (\"lapidary login\"), or set "
                + "HF_TOKEN.");
        }

        var call = HubCall.Get(http.Urls.At("api/whoami-v2"));
        var json = await http.SendJsonAsync(call, cancellation).ConfigureAwait(false);
        try
        {
            var answer = json.Deserialize(WhoAmIJson.Default.WhoAmI);
            if (answer?.Type == "org")
            {
                throw new HubException(HubError.Token,
                    $"{http.Urls.Host}: the token of {options.Token?.Source} is an organization's, which cannot log in; use an account's.");
            }

            return answer?.ToUser() ?? throw HubHttp.NoHub(call, "an answer without a name");
        }
        catch (JsonException)
        {
            throw HubHttp.NoHub(call, "an answer of another form");
        }
    }

    private HubUser? ToUser() => string.IsNullOrEmpty(Name)
        ? null
        : new HubUser(Name, [.. (Orgs ?? []).Select(org => org.Name).OfType<string>()], Auth?.AccessToken?.DisplayName,
            Auth?.AccessToken?.Role);

    internal sealed record Organization(string? Name);

    internal sealed record Authentication(string? Type, AccessToken? AccessToken);

    internal sealed record AccessToken(string? DisplayName, string? Role);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WhoAmI))]
internal sealed partial class WhoAmIJson : JsonSerializerContext;
