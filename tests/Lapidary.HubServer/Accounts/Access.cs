using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Accounts;

/// <summary>Who may do what to a repository, with the Hub's codes and texts.</summary>
internal static class Access
{
    /// <summary>The token of a request: null if it has none.</summary>
    public static HubToken? Identify(string? authorization, AccountStore accounts)
    {
        if (authorization is null) return null;
        string value = authorization.StartsWith("Bearer ", StringComparison.Ordinal) ? authorization["Bearer ".Length..] : "";
        // No code: so a client cannot mistake a bad token for a missing repository.
        return accounts.Find(value) ?? throw new HubFailure(401, "Invalid credentials in Authorization header");
    }

    /// <summary>May the repository's existence be known?</summary>
    public static void See(HubRepository? repository, HubToken? token)
    {
        if (repository is null || (repository.IsPrivate && !SeesPrivate(repository, token))) throw Missing(token);
        if (repository.IsDisabled) throw new HubFailure(403, "Access to this resource is disabled.");
    }

    /// <summary>May its files be read?</summary>
    public static void ReadFiles(HubRepository repository, HubToken? token)
    {
        if (repository.Gate == HubGate.None || (token is not null && token.User.IsIn(repository.Owner))) return;
        string name = $"{repository.Kind.Singular()} {repository.Id}";
        if (token is null)
        {
            throw Gated(401, $"Access to {name} is restricted. You must have access to it and be authenticated to access it. "
                + "Please log in.");
        }

        switch (repository.GrantOf(token.User.Name))
        {
            case HubGrant.NotAsked:
                string page = $"https://huggingface.co/{repository.Kind.Prefix()}{repository.Id}";
                throw Gated(403, $"Access to {name} is restricted and you are not in the authorized list. Visit {page} to ask for access.");
            case HubGrant.Pending:
                throw Gated(403, $"Your request to access {name} is awaiting a review from the repo authors.");
            case HubGrant.Rejected:
                throw Gated(403, $"Your request to access {name} has been rejected by the repo's authors.");
        }

        // Decided here: the 403 is known, its code and text are not. Without a code Python gives "403 Forbidden: TEXT".
        if (token.Role == HubTokenRole.FineGrained && !token.ReadsGatedRepos)
        {
            throw new HubFailure(403, "Please enable access to public gated repositories in your fine-grained token settings to view this "
                + "repository.");
        }
    }

    /// <summary>May it be changed? Not known: the texts for a token that may not write, and for none, are decided here; 403
    /// and 401 are known.</summary>
    public static void Write(HubRepository repository, HubToken? token)
    {
        if (token is null) throw new HubFailure(401, "Invalid username or password.");
        if (!token.Writes) throw new HubFailure(403, "Forbidden: you must use a write token to upload to a repository.");
        if (!token.User.IsIn(repository.Owner))
        {
            throw new HubFailure(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request");
        }
    }

    /// <summary>May repositories be made or deleted there?</summary>
    public static void Manage(string owner, HubRepoKind kind, HubToken? token)
    {
        if (token is null) throw new HubFailure(401, "Invalid username or password.");
        if (!token.Writes || !token.User.IsIn(owner))
        {
            throw new HubFailure(403, $"You don't have the rights to create a {kind.Singular()} under the namespace \"{owner}\"");
        }
    }

    /// <summary>Not known: the JSON body of the anonymous 401. It says here what X-Error-Message says.</summary>
    public static HubFailure Missing(HubToken? token) =>
        new(token is null ? 401 : 404, "Repository not found") { Code = "RepoNotFound" };

    private static HubFailure Gated(int status, string text) => new(status, text) { Code = "GatedRepo" };

    private static bool SeesPrivate(HubRepository repository, HubToken? token) => token is not null
        && (token.Role != HubTokenRole.FineGrained || token.ReadsPrivateRepos)
        && (token.User.IsIn(repository.Owner) || repository.GrantOf(token.User.Name) == HubGrant.Granted);
}
