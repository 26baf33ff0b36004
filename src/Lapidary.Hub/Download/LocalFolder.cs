using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Cache;
using Lapidary.Hub.Contracts;

namespace Lapidary.Hub.Download;

/// <summary>A folder of the user's for real copies. Its subfolder .cache/huggingface records the commit and content of each file, as
/// huggingface_hub does.</summary>
internal sealed class LocalFolder(HubOptions options, CacheFolder cache, HubRepo repo, string commit, string folder) : IPlace
{
    private const string Own = ".cache/huggingface/";

    /// <inheritdoc/>
    public string Folder => folder;

    private string Notes => CacheFolder.Join(folder, Own + "download");

    /// <summary>Creates the folder, and the one for the records.</summary>
    /// <returns>Its full path.</returns>
    /// <exception cref="LapidaryException">It cannot be created, or is a file.</exception>
    public static string Prepare(string folder)
    {
        string full = Path.GetFullPath(folder);
        if (File.Exists(full)) throw new LapidaryException($"{folder}: expected a folder, found a file; choose another folder.");
        string notes = CacheFolder.Join(full, Own.TrimEnd('/'));
        CacheFolder.Prepare(notes);
        string ignore = Path.Combine(notes, ".gitignore");
        if (!File.Exists(ignore)) AtomicFile.WriteAllText(ignore, "*");
        return full;
    }

    /// <summary>Whether the file system of the folder treats "A" and "a" as one name.</summary>
    public static bool IgnoresCase(string folder) => CacheFolder.IgnoresCase(CacheFolder.Join(folder, Own.TrimEnd('/')));

    /// <summary>The newest commit whose list of files is recorded in a folder, or null.</summary>
    public static string? NewestCommit(string folder)
    {
        var trees = new DirectoryInfo(CacheFolder.Join(Path.GetFullPath(folder), Own + "trees"));
        if (!trees.Exists) return null;
        return trees.EnumerateFiles("*.json").OrderByDescending(file => file.LastWriteTimeUtc)
            .Select(file => Path.GetFileNameWithoutExtension(file.Name)).FirstOrDefault(CacheRefs.IsCommit);
    }

    /// <summary>The recorded list of the commit's files, or null.</summary>
    public IReadOnlyList<RepoFile>? Files() => CachedTree.Read(Tree);

    private string Tree => CacheFolder.Join(folder, $"{Own}trees/{commit}.json");

    /// <inheritdoc/>
    public void Begin(string revision, IReadOnlyList<RepoFile> files)
    {
        if (files.FirstOrDefault(file => file.Path.StartsWith(Own, StringComparison.OrdinalIgnoreCase)) is { } own)
        {
            throw new HubException(
                HubError.WrongContent, $"{repo.Id}: the file name \"{own.Path}\" is where notes on the download are kept; nothing of it "
                + "was downloaded. Tell its owner, or download it into the cache.");
        }

        if (files.Count > 0) CachedTree.Write(Tree, files);
    }

    /// <inheritdoc/>
    public bool Has(RepoFile file)
    {
        string path = CacheFolder.Join(folder, file.Path);
        if (CacheLinks.Length(path) != file.Size || ReadNote(file.Path) is not { } note || note.Etag != file.Etag) return false;
        if (ToUnix(File.GetLastWriteTimeUtc(path)) - 1 > note.Time) return false; // Changed by the user since.
        if (note.Commit != commit) WriteNote(file);
        return true;
    }

    /// <inheritdoc/>
    public void RequireSpace(IReadOnlyList<RepoFile> missing)
    {
        long bytes = missing.Sum(file => file.Size - Math.Min(file.Size, CacheLinks.Length(Part(file)) ?? 0));
        if (bytes > 0) DiskSpace.Require(folder, bytes);
    }

    /// <inheritdoc/>
    public async Task FillAsync(
        RepoFile file, bool isForced, FileFetcher fetcher, TransferMeter meter, CancellationToken cancellation)
    {
        using var held = await CacheLock.AcquireAsync(
            CacheFolder.Join(Notes, $"{file.Path}.lock"), options.Time, options.Note, cancellation).ConfigureAwait(false);
        string path = CacheFolder.Join(folder, file.Path), part = Part(file);
        if (!isForced && (Has(file) || IsSame(path, file, cancellation)))
        {
            WriteNote(file);
            meter.Keep(file.Path, file.Size);
            return;
        }

        if (!isForced && TryCopy(file, part, cancellation)) meter.Keep(file.Path, file.Size);
        else await fetcher.FetchAsync(repo, commit, file, part, meter, cancellation).ConfigureAwait(false);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            FolderMoves.MoveFile(part, path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }

        WriteNote(file);
    }

    /// <summary>Whether a file without a record, from another source, is the wanted one.</summary>
    private static bool IsSame(string path, RepoFile file, CancellationToken cancellation)
    {
        try
        {
            return CacheLinks.Length(path) == file.Size && ContentHash.Verify(path, file.Etag, file.Size, cancellation);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(path, e);
        }
    }

    /// <summary>Copies the content from the cache if it is there.</summary>
    private bool TryCopy(RepoFile file, string part, CancellationToken cancellation)
    {
        string? source = ((string[])[cache.Pointer(commit, file.Path), cache.Blob(file.Etag)])
            .FirstOrDefault(path => CacheLinks.Length(path) == file.Size);
        if (source is null) return false;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(part)!);
            File.Copy(source, part, overwrite: true);
            return ContentHash.Verify(part, file.Etag, file.Size, cancellation);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(part, e);
        }
    }

    private string Part(RepoFile file)
    {
#pragma warning disable CA5350 // A name, as huggingface_hub forms it.
        byte[] hash = SHA1.HashData(Encoding.UTF8.GetBytes(Path.GetFileName(Note(file.Path))));
#pragma warning restore CA5350
        string name = Convert.ToBase64String(hash).Replace('+', '-').Replace('/', '_');
        return Path.Combine(Path.GetDirectoryName(Note(file.Path))!, $"{name}.{file.Etag}.lapidary.incomplete");
    }

    private string Note(string file) => CacheFolder.Join(Notes, $"{file}.metadata");

    private (string Commit, string Etag, double Time)? ReadNote(string file)
    {
        try
        {
            string path = Note(file);
            if (!File.Exists(path) || new FileInfo(path).Length > 1000) return null;
            string[] lines = File.ReadAllLines(path);
            return lines.Length >= 3 && double.TryParse(lines[2], NumberStyles.Float, CultureInfo.InvariantCulture, out double time)
                ? (lines[0].Trim(), lines[1].Trim(), time) : null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    private void WriteNote(RepoFile file)
    {
        string time = ToUnix(options.Time.GetUtcNow().UtcDateTime).ToString("F6", CultureInfo.InvariantCulture);
        AtomicFile.WriteAllText(Note(file.Path), $"{commit}\n{file.Etag}\n{time}\n");
    }

    private static double ToUnix(DateTime time) => (time - DateTime.UnixEpoch).TotalSeconds;
}
