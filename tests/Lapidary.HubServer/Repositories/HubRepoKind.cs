namespace Lapidary.TestHub;

public enum HubRepoKind
{
    Model,
    Dataset,
    Space,
}

/// <summary>Who may read the files of a public repository.</summary>
public enum HubGate
{
    /// <summary>Everybody.</summary>
    None,

    /// <summary>Who accepted the licence (<see cref="HubRepository.Grant"/>).</summary>
    Auto,

    /// <summary>Whom the authors let in.</summary>
    Manual,
}

/// <summary>What became of an account's request for a gated repository.</summary>
public enum HubGrant
{
    NotAsked,
    Pending,
    Rejected,
    Granted,
}

internal static class KindNames
{
    /// <summary>"models", "datasets", "spaces".</summary>
    public static string Plural(this HubRepoKind kind) => kind.Singular() + "s";

    /// <summary>"model", "dataset", "space".</summary>
    public static string Singular(this HubRepoKind kind) => kind switch
    {
        HubRepoKind.Dataset => "dataset",
        HubRepoKind.Space => "space",
        _ => "model",
    };

    /// <summary>What stands before an id in a page's URL: "", "datasets/", "spaces/".</summary>
    public static string Prefix(this HubRepoKind kind) => kind == HubRepoKind.Model ? "" : kind.Plural() + "/";

    public static HubRepoKind? FromPlural(string name) => name switch
    {
        "models" => HubRepoKind.Model,
        "datasets" => HubRepoKind.Dataset,
        "spaces" => HubRepoKind.Space,
        _ => null,
    };
}
