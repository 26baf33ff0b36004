using Lapidary.Hub.Contracts;

namespace Lapidary.Hub.Download;

/// <summary>Where files of a commit go.</summary>
internal interface IPlace
{
    /// <summary>The folder that has them under their own names.</summary>
    string Folder { get; }

    /// <summary>Notes which commit comes, and what it has, before the first file.</summary>
    void Begin(string revision, IReadOnlyList<RepoFile> files);

    /// <summary>Whether a file is there, without reading it.</summary>
    bool Has(RepoFile file);

    /// <summary>Fails unless there is room for files that are not there.</summary>
    void RequireSpace(IReadOnlyList<RepoFile> missing);

    /// <summary>Puts a file there, from a content on this machine or from the Hub.</summary>
    Task FillAsync(RepoFile file, bool isForced, FileFetcher fetcher, TransferMeter meter, CancellationToken cancellation);
}
