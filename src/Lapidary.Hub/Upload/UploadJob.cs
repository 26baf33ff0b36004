using System.Globalization;
using Lapidary.Formats;
using Lapidary.Hub.Contracts;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>The upload of a folder: sends new and changed files, in commits of limited size.</summary>
/// <param name="http">Sends requests.</param>
/// <param name="setup">Creates repository and branch.</param>
/// <param name="options">Limits and notes.</param>
/// <param name="upload">The selection and the target.</param>
internal sealed class UploadJob(HubHttp http, RepoSetup setup, HubOptions options, UploadOptions upload)
{
    /// <summary>Files per commit, as the Hub recommends.</summary>
    private const int MaxFiles = 100;

    /// <summary>Largest size in bytes of file contents inside a commit.</summary>
    private const long MaxRegularBytes = 64 << 20;

    /// <summary>Largest number of names in a note.</summary>
    private const int MaxNames = 5;

    /// <summary>Uploads the files.</summary>
    /// <exception cref="HubException">The Hub refused or cannot be reached.</exception>
    /// <exception cref="LapidaryException">A file cannot be read, has changed, or is not allowed in a repository.</exception>
    public async Task<UploadResult> RunAsync(string folder, HubRepo asked, CancellationToken cancellation)
    {
        var notes = new List<string>();
        var files = FolderScan.Find(folder, upload, notes.Add);
        using var card = AddedCard.For(folder, upload);
        if (card is not null) files = [.. files, card.File];
        var (repo, head) = await setup.PrepareAsync(asked, upload, cancellation).ConfigureAwait(false);
        var preupload = new Preupload(http, repo, upload.Revision);
        await preupload.CheckCardAsync(files, options.Note, cancellation).ConfigureAwait(false);
        var modes = await preupload.AskAsync(files, cancellation).ConfigureAwait(false);
        // A refusal is one line, so notes about excluded files are shown only without one.
        if (options.Note is { } note) notes.ForEach(note);
        if (card is not null && modes[^1].Oid is not null) (files, modes) = ([.. files.SkipLast(1)], [.. modes.SkipLast(1)]);
        LocalFile[] ignored = [.. files.Where((_, i) => modes[i].ShouldIgnore)];
        if (ignored.Length > 0) NoteIgnored(ignored);
        long bytes = files.Sum(file => file.Size) - ignored.Sum(file => file.Size);
        var meter = new TransferMeter(upload.Progress, options.Time, files.Count - ignored.Length, bytes);
        var changed = await FindChangedAsync(files, modes, meter, cancellation).ConfigureAwait(false);
        var commits = Group(changed);
        var lfs = new LfsUpload(http, repo, upload.Revision, options);
        var sender = new CommitSender(http, setup, repo, upload.Revision, options);
        for (int i = 0; i < commits.Count; i++)
        {
            await lfs.SendAsync([.. commits[i].Where(file => file.IsLfs)], meter, cancellation).ConfigureAwait(false);
            head = await sender.CommitAsync(commits[i], head, Summary(changed, i, commits.Count), cancellation).ConfigureAwait(false);
            foreach (var file in commits[i])
            {
                if (!file.IsLfs) meter.Move(file.File.Path, file.File.Size);
                meter.Finish(file.File.Path);
            }
        }

        return new UploadResult(http.Urls.Page(repo), head, files.Count - ignored.Length, bytes, changed.Count);
    }

    /// <summary>The files that differ from those of the branch.</summary>
    private async Task<IReadOnlyList<PlannedFile>> FindChangedAsync(
        IReadOnlyList<LocalFile> files, IReadOnlyList<PreuploadMode> modes, TransferMeter meter, CancellationToken cancellation)
    {
        var planned = new PlannedFile?[files.Count];
        var limits = new ParallelOptions
        {
            MaxDegreeOfParallelism = Math.Min(options.MaxParallel, Environment.ProcessorCount),
            CancellationToken = cancellation,
        };
        await Parallel.ForAsync(0, files.Count, limits, (i, token) =>
        {
            if (modes[i].ShouldIgnore) return default;

            // Git LFS does not support empty contents.
            bool isLfs = modes[i].UploadMode == "lfs" && files[i].Size > 0;
            string oid = isLfs ? files[i].Sha256(token) : files[i].GitSha1(token);
            if (oid != modes[i].Oid)
            {
                planned[i] = new PlannedFile(files[i], isLfs, oid);
                return default;
            }

            meter.Keep(files[i].Path, files[i].Size);
            meter.Finish(files[i].Path);
            return default;
        }).ConfigureAwait(false);
        return [.. planned.OfType<PlannedFile>()];
    }

    private static List<IReadOnlyList<PlannedFile>> Group(IReadOnlyList<PlannedFile> files)
    {
        var commits = new List<IReadOnlyList<PlannedFile>>();
        var commit = new List<PlannedFile>();
        long bytes = 0;
        foreach (var file in files)
        {
            long own = file.IsLfs ? 0 : file.File.Size;
            if (commit.Count == MaxFiles || (commit.Count > 0 && bytes + own > MaxRegularBytes))
            {
                commits.Add(commit);
                (commit, bytes) = ([], 0);
            }

            commit.Add(file);
            bytes += own;
        }

        if (commit.Count > 0) commits.Add(commit);
        return commits;
    }

    private string Summary(IReadOnlyList<PlannedFile> changed, int index, int count)
    {
        string given = upload.CommitMessage?.Trim() ?? "";
        string line = given.Length > 0 ? given
            : changed.Count == 1 ? $"Upload {changed[0].File.Path} with lapidary"
            : "Upload folder using lapidary";
        return count == 1 ? line : string.Create(CultureInfo.InvariantCulture, $"{line} (part {index + 1} of {count})");
    }

    private void NoteIgnored(LocalFile[] ignored)
    {
        string names = string.Join(", ", ignored.Take(MaxNames).Select(file => file.Path));
        string more = ignored.Length > MaxNames ? $" and {ignored.Length - MaxNames} more" : "";
        options.Note?.Invoke($"left out, as .gitignore says: {names}{more}.");
    }
}
