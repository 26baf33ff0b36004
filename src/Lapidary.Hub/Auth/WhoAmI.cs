using System.Text.Json.Serialization;

namespace Lapidary.Hub.Auth;

/// <summary>The answer of whoami-v2; keys that are not here are passed over.</summary>
internal sealed record WhoAmI(string? Type, string? Name, WhoAmI.Organization[]? Orgs, WhoAmI.Authentication? Auth)
{
    /// <summary>The user, or null where the answer names none.</summary>
    public HubUser? ToUser() => string.IsNullOrEmpty(Name)
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
