namespace Lapidary.Hub.Http;

/// <summary>The Hub's addresses below an endpoint. Ids are inserted unchanged, revisions fully encoded, file paths encoded except for
/// "/".</summary>
/// <param name="endpoint">Scheme, host, port, and a path where a mirror has one.</param>
internal sealed class HubUrls(Uri endpoint)
{
    private readonly string _root = endpoint.AbsoluteUri.TrimEnd('/');

    /// <summary>Host and port, for messages.</summary>
    public string Host => endpoint.IsDefaultPort ? $"{endpoint.Host}:{endpoint.Port}" : endpoint.Authority;

    /// <summary>The page for creating tokens.</summary>
    public string TokenPage => $"{_root}/settings/tokens";

    /// <summary>An address below the endpoint, such as "api/whoami-v2".</summary>
    public Uri At(string path) => Raw($"{_root}/{path}");

    /// <summary>An address of a repository's API, such as "tree/main".</summary>
    public Uri Api(HubRepo repo, string path) => At($"api/{Plural(repo.Type)}/{repo.Id}{(path.Length > 0 ? "/" : "")}{path}");

    /// <summary>The content of a file.</summary>
    public Uri Resolve(HubRepo repo, string revision, string file) =>
        At($"{Prefix(repo.Type)}{repo.Id}/resolve/{Uri.EscapeDataString(revision)}/{EscapeFile(file)}");

    /// <summary>Git LFS's batch address for uploads.</summary>
    public Uri LfsBatch(HubRepo repo) => At($"{Prefix(repo.Type)}{repo.Id}.git/info/lfs/objects/batch");

    /// <summary>The web page of a repository.</summary>
    public string Page(HubRepo repo) => $"{_root}/{Prefix(repo.Type)}{repo.Id}";

    /// <summary>"models", "datasets" or "spaces".</summary>
    public static string Plural(RepoType type) => type switch
    {
        RepoType.Dataset => "datasets",
        RepoType.Space => "spaces",
        _ => "models",
    };

    /// <summary>"model", "dataset" or "space".</summary>
    public static string Singular(RepoType type) => Plural(type)[..^1];

    /// <summary>The prefix of an id in addresses of files and pages.</summary>
    public static string Prefix(RepoType type) => type == RepoType.Model ? "" : Plural(type) + "/";

    /// <summary>A file's path, encoded except for its "/".</summary>
    public static string EscapeFile(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    /// <summary>Parses an address unchanged: .NET would remove some escapes, which a signature covers.</summary>
    /// <exception cref="UriFormatException">The text is not an address.</exception>
    public static Uri Raw(string url) => url.All(c => c is > ' ' and < '\x7f')
        ? new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })
        : new Uri(url, UriKind.Absolute);

    /// <summary>Whether two addresses have the same scheme, host and port.</summary>
    public static bool IsSameOrigin(Uri a, Uri b) => a.Scheme == b.Scheme && a.Port == b.Port
        && string.Equals(a.IdnHost, b.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>An address for messages, without its query, which may be a signature.</summary>
    public static string Shown(Uri url) => $"{url.Scheme}://{url.Authority}{url.AbsolutePath}";
}
