using System.Collections.Concurrent;

namespace Lapidary.TestHub.Accounts;

/// <summary>Tokens by value.</summary>
internal sealed class AccountStore
{
    private readonly ConcurrentDictionary<string, HubToken> _tokens = new(StringComparer.Ordinal);

    public AccountStore()
    {
        var ada = new HubUser("ada", "acme");
        Add(new HubToken(HubTokens.Write, ada, HubTokenRole.Write, "ada-write"));
        Add(new HubToken(HubTokens.Read, ada, HubTokenRole.Read, "ada-read"));
        Add(new HubToken(HubTokens.FineGrained, ada, HubTokenRole.FineGrained, "ada-fine"));
        Add(new HubToken(HubTokens.WithoutGated, ada, HubTokenRole.FineGrained, "ada-no-gated") { ReadsGatedRepos = false });
        Add(new HubToken(HubTokens.Other, new HubUser("bob"), HubTokenRole.Write, "bob-write"));
    }

    public void Add(HubToken token) => _tokens[token.Value] = token;

    public void Remove(string value) => _tokens.TryRemove(value, out _);

    public HubToken? Find(string value) => _tokens.GetValueOrDefault(value);
}
