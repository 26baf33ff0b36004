using System.Security.Cryptography;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Rows;

/// <summary>Rows of files that were read before, by the same options: their number and hash are known, and they are read again only where
/// one is asked for, which a run whose tokens are kept does not do.</summary>
internal sealed class KnownRows : RowSource
{
    private const string Format = "lapidary-rows-1";

    private readonly Lazy<RowSource> _rows;

    private KnownRows(string path, int count, string contentHash, long contentBytes, Func<RowSource> read)
    {
        (Count, ContentHash, ContentBytes) = (count, contentHash, contentBytes);
        _rows = new(() => read() is { } rows && rows.ContentHash == ContentHash
            ? rows
            : throw new LapidaryException($"{path}: changed while it was used; start again."));
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override string ContentHash { get; }

    /// <inheritdoc/>
    public override long ContentBytes { get; }

    /// <inheritdoc/>
    public override DataRow Read(int index) => _rows.Value.Read(index);

    /// <summary>Reads files, or finds that they were read before.</summary>
    /// <param name="path">What errors call them.</param> <param name="parts">Which rows of which files, in order.</param>
    /// <param name="options">How columns become rows; also where it is kept what is known.</param>
    /// <param name="read">Reads the rows.</param>
    public static RowSource Load(string path, IReadOnlyList<SourceRows> parts, DataSetOptions options, Func<RowSource> read)
    {
        string[] files = [.. parts.SelectMany(part => part.Files)];
        var before = Stamps(files);
        if (CacheFolder.Of(options.CacheDir) is not { } cache || before is null) return read();
        if (before.Sum(stamp => stamp.Length) < options.Limits.CachedBytes) return read();
        string name = KeyOf(parts, options) + CacheFolder.Rows;
        using (var file = cache.TryOpen(name))
        {
            if (file is not null && TryParse(file) is var (count, hash, bytes)) return new KnownRows(path, count, hash, bytes, read);
        }

        var rows = read();

        // What was read is what was hashed, unless somebody wrote to a file in between.
        if (rows.ContentHash is { } content && Stamps(files) is { } after && after.SequenceEqual(before))
            cache.TryWrite(name, 1 << 10, stream => stream.Write(Serialize(rows.Count, content, rows.ContentBytes)));
        return rows;
    }

    /// <summary>Sizes and times of files; null where one is a pipe or a device, which is read only once.</summary>
    private static List<(long Length, DateTime Changed)>? Stamps(IReadOnlyList<string> files)
    {
        List<(long, DateTime)> stamps = [];
        try
        {
            foreach (string path in files)
            {
                var file = new FileInfo(path);
                if (file.LinkTarget is not null) file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo;
                if (file is not { Exists: true, Length: > 0 }) return null;
                stamps.Add((file.Length, file.LastWriteTimeUtc));
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null; // Reading says what is wrong.
        }

        return stamps;
    }

    /// <summary>Hash of all that decides what the rows are: this code, the options, and the files' names, which say what they hold, and
    /// bytes.</summary>
    private static string KeyOf(IReadOnlyList<SourceRows> parts, DataSetOptions options)
    {
        List<string> texts = [Format, CodeVersion.OfTraining, (options with { CacheDir = null }).ToString()];
        foreach (var part in parts) texts.Add($"{part.Part with { Split = "" }} of {part.Files.Count} files");
        foreach (string file in parts.SelectMany(part => part.Files))
        {
            texts.Add(Path.GetFileName(file));
            using var stream = DataFiles.Open(file);
            try
            {
                texts.Add(Convert.ToHexString(SHA256.HashData(stream)));
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                throw FileErrors.Reading(file, e);
            }
        }

        return HashText.Of(texts);
    }

    private static byte[] Serialize(int count, string hash, long contentBytes)
    {
        var bytes = new ByteBuilder();
        bytes.Text(Format);
        bytes.Number(count);
        bytes.Text(hash);
        bytes.Long(contentBytes);
        return [.. bytes.Span, .. SHA256.HashData(bytes.Span)];
    }

    private static (int Count, string Hash, long Bytes)? TryParse(FileStream file)
    {
        try
        {
            byte[] content = new byte[Math.Min(file.Length, 1 << 10)];
            file.ReadExactly(content);
            if (content.Length < SHA256.HashSizeInBytes) return null;
            var body = content.AsSpan(0, content.Length - SHA256.HashSizeInBytes);
            if (!SHA256.HashData(body).AsSpan().SequenceEqual(content.AsSpan(body.Length))) return null;
            var source = new ByteSource(body);
            return source.Text() == Format ? (source.Int(), source.Text(), source.Long()) : null;
        }
        catch (Exception e) when (e is InvalidDataException || FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }
}
