using Lapidary.Hub.Contracts;

namespace Lapidary.Hub.Download;

/// <summary>The target of a commit's files.</summary>
internal interface IPlace
{
    /// <summary>The folder with the files under their names.</summary>
    string Folder { get; }

    /// <summary>Stores the commit and its list of files, before the first file.</summary>
    void Begin(string revision, IReadOnlyList<RepoFile> files);

    /// <summary>Whether a file exists, without reading it.</summary>
    bool Has(RepoFile file);

    /// <summary>Fails unless the disk has room for the missing files.</summary>
    void RequireSpace(IReadOnlyList<RepoFile> missing);

    /// <summary>Creates a file, from a local content or from the Hub.</summary>
    Task FillAsync(RepoFile file, bool isForced, FileFetcher fetcher, TransferMeter meter, CancellationToken cancellation);
}
