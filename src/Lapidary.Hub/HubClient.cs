using Lapidary.Formats;
using Lapidary.Hub.Download;
using Lapidary.Hub.Http;

namespace Lapidary.Hub;

/// <summary>A client of the Hugging Face Hub over the cache that Python's huggingface_hub shares. Safe to use from several
/// threads.</summary>
public sealed partial class HubClient : IDisposable
{
    private readonly SnapshotDownload _downloads;

    /// <summary>Makes a client; nothing is asked yet.</summary>
    /// <param name="options">Null for <see cref="HubOptions.FromEnvironment"/>.</param>
    /// <exception cref="LapidaryException">A variable of the environment holds what it must not.</exception>
    public HubClient(HubOptions? options = null) : this(options ?? HubOptions.FromEnvironment(), handler: null)
    {
    }

    /// <summary>Makes a client whose requests a test answers.</summary>
    internal HubClient(HubOptions options, HttpMessageHandler? handler)
    {
        (Options, Http) = (options, new HubHttp(options, handler));
        _downloads = new SnapshotDownload(Options, Http);
    }

    /// <summary>Where the Hub is, who asks and where files are kept.</summary>
    public HubOptions Options { get; }

    /// <summary>Requests to the Hub.</summary>
    internal HubHttp Http { get; }

    /// <summary>Ends the client's connections.</summary>
    public void Dispose() => Http.Dispose();

    /// <summary>Describes a repository at a revision.</summary>
    /// <exception cref="HubException">There is no such repository or revision, or it may not be seen.</exception>
    public Task<RepoInfo> GetInfoAsync(HubRepo repo, string revision = "main", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.Queries.InfoAsync(repo, revision, HubRetries.Most, cancellation);
    }

    /// <summary>The files of a revision, by path; offline, of what is cached.</summary>
    /// <exception cref="HubException">There is no such repository or revision, or it may not be seen.</exception>
    public Task<IReadOnlyList<RepoFile>> ListFilesAsync(
        HubRepo repo, string revision = "main", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.ListAsync(repo, revision, cancellation);
    }

    /// <summary>Branches and tags with their commits.</summary>
    /// <exception cref="HubException">There is no such repository, or it may not be seen.</exception>
    public Task<IReadOnlyDictionary<string, string>> ListRefsAsync(HubRepo repo, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repo);
        return _downloads.Queries.RefsAsync(repo, cancellation);
    }
}
