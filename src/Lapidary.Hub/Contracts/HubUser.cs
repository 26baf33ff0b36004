namespace Lapidary.Hub;

/// <summary>The owner of a token.</summary>
/// <param name="Name">The account.</param>
/// <param name="Organizations">Names of the account's organizations.</param>
/// <param name="TokenName">The token's name.</param>
/// <param name="Role">read, write or fineGrained.</param>
public sealed record HubUser(string Name, IReadOnlyList<string> Organizations, string? TokenName, string? Role);
