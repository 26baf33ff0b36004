namespace Lapidary.TestHub;

public enum HubTokenRole
{
    Read,
    Write,
    FineGrained,
}

/// <summary>An account.</summary>
public sealed record HubUser(string Name, params string[] Organizations)
{
    internal bool IsIn(string owner) => owner == Name || Organizations.Contains(owner);
}

/// <summary>A token of an account.</summary>
public sealed record HubToken(string Value, HubUser User, HubTokenRole Role, string DisplayName)
{
    /// <summary>The box "Read access to contents of all public gated repos you can access"; only of fine-grained tokens.</summary>
    public bool ReadsGatedRepos { get; init; } = true;

    /// <summary>Only of fine-grained tokens.</summary>
    public bool CanWrite { get; init; } = true;

    /// <summary>Only of fine-grained tokens: private repositories can be read.</summary>
    public bool ReadsPrivateRepos { get; init; } = true;

    internal bool Writes => Role == HubTokenRole.Write || (Role == HubTokenRole.FineGrained && CanWrite);

    public override string ToString() => $"{DisplayName} of {User.Name}";
}

/// <summary>The tokens that every server knows. Long and of one kind of text, so that a test can look for them in files and output.
/// </summary>
public static class HubTokens
{
    /// <summary>What all of them hold: a text to look for where no token may be.</summary>
    public const string Mark = "LapidaryTestToken";

    /// <summary>Of ada, who is in acme.</summary>
    public const string Write = "hf_" + Mark + "Write00000000000";

    /// <summary>Of ada.</summary>
    public const string Read = "hf_" + Mark + "Read000000000000";

    /// <summary>Of ada: fine-grained with all boxes ticked.</summary>
    public const string FineGrained = "hf_" + Mark + "Fine000000000000";

    /// <summary>Of ada: fine-grained, without the box for public gated repositories.</summary>
    public const string WithoutGated = "hf_" + Mark + "NoGated000000000";

    /// <summary>Of bob, who is nobody's member.</summary>
    public const string Other = "hf_" + Mark + "Other00000000000";

    /// <summary>Unknown to the server.</summary>
    public const string Bad = "hf_" + Mark + "Bad0000000000000";
}
