using Lapidary.Formats;
using Lapidary.Hub.Download;
using Lapidary.Hub.Http;

namespace Lapidary.Hub;

/// <summary>A client of the Hugging Face Hub that uses the same cache as Python's huggingface_hub. Thread-safe.</summary>
public sealed partial class HubClient : IDisposable
{
    private readonly SnapshotDownload _downloads;

    /// <summary>Creates a client; makes no request yet.</summary>
    /// <param name="options">Null for <see cref="HubOptions.FromEnvironment"/>.</param>
    /// <exception cref="LapidaryException">An environment variable has an invalid value.</exception>
    public HubClient(HubOptions? options = null) : this(options ?? HubOptions.FromEnvironment(), handler: null)
    {
    }

    /// <summary>Creates a client whose requests a test answers.</summary>
    internal HubClient(HubOptions options, HttpMessageHandler? handler)
    {
        (Options, Http) = (options, new HubHttp(options, handler));
        _downloads = new SnapshotDownload(Options, Http);
    }

    /// <summary>Endpoint, token, and folders of the client.</summary>
    public HubOptions Options { get; }

    /// <summary>Sends requests to the Hub.</summary>
    internal HubHttp Http { get; }

    /// <summary>Closes the client's connections.</summary>
    public void Dispose() => Http.Dispose();

    /// <summary>Describes a repository at a revision.</summary>
    /// <exception cref="HubException">The repository or revision does not exist, or the token may not see it.</exception>
    public Task<RepoInfo> GetInfoAsync(HubRepo repo, string revision = "main", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.Queries.InfoAsync(repo, revision, HubRetries.Most, cancellation);
    }

    /// <summary>The files of a revision, by path; offline, those in the cache.</summary>
    /// <exception cref="HubException">The repository or revision does not exist, or the token may not see it.</exception>
    public Task<IReadOnlyList<RepoFile>> ListFilesAsync(
        HubRepo repo, string revision = "main", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.ListAsync(repo, revision, cancellation);
    }

    /// <summary>Branches and tags with their commits.</summary>
    /// <exception cref="HubException">The repository does not exist, or the token may not see it.</exception>
    public Task<IReadOnlyDictionary<string, string>> ListRefsAsync(HubRepo repo, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.Queries.RefsAsync(repo, cancellation);
    }
}
