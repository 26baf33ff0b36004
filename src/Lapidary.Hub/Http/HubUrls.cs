namespace Lapidary.Hub.Http;

/// <summary>The Hub's addresses below an endpoint. Ids are put in as they are, revisions fully encoded, files but for their "/".</summary>
/// <param name="endpoint">Scheme, host, port, and a path where a mirror has one.</param>
internal sealed class HubUrls(Uri endpoint)
{
    private readonly string _root = endpoint.AbsoluteUri.TrimEnd('/');

    /// <summary>Host and port, for messages.</summary>
    public string Host => endpoint.IsDefaultPort ? $"{endpoint.Host}:{endpoint.Port}" : endpoint.Authority;

    /// <summary>Where tokens are made.</summary>
    public string TokenPage => $"{_root}/settings/tokens";

    /// <summary>An address below the endpoint, such as "api/whoami-v2".</summary>
    public Uri At(string path) => Raw($"{_root}/{path}");

    /// <summary>An address of the interface of a repository, such as "tree/main".</summary>
    public Uri Api(HubRepo repo, string path) => At($"api/{Plural(repo.Type)}/{repo.Id}{(path.Length > 0 ? "/" : "")}{path}");

    /// <summary>The content of a file.</summary>
    public Uri Resolve(HubRepo repo, string revision, string file) =>
        At($"{Prefix(repo.Type)}{repo.Id}/resolve/{Uri.EscapeDataString(revision)}/{EscapeFile(file)}");

    /// <summary>Git LFS's list of what is to be sent.</summary>
    public Uri LfsBatch(HubRepo repo) => At($"{Prefix(repo.Type)}{repo.Id}.git/info/lfs/objects/batch");

    /// <summary>The page that people open.</summary>
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

    /// <summary>What goes before an id in addresses of files and pages.</summary>
    public static string Prefix(RepoType type) => type == RepoType.Model ? "" : Plural(type) + "/";

    /// <summary>A file's path with all but its "/" encoded.</summary>
    public static string EscapeFile(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    /// <summary>An address as it is: .NET would take the escapes of some characters away, with which a signature was made.</summary>
    /// <exception cref="UriFormatException">It is none.</exception>
    public static Uri Raw(string url) => url.All(c => c is > ' ' and < '\x7f')
        ? new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })
        : new Uri(url, UriKind.Absolute);

    /// <summary>Whether two addresses have scheme, host and port in common.</summary>
    public static bool IsSameOrigin(Uri a, Uri b) => a.Scheme == b.Scheme && a.Port == b.Port
        && string.Equals(a.IdnHost, b.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>An address for messages: without its query, which may be a signature.</summary>
    public static string Shown(Uri url) => $"{url.Scheme}://{url.Authority}{url.AbsolutePath}";
}
