using System.Security.Cryptography;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Rows;

/// <summary>Rows of files that were read before with the same options. Their number and hash are known, so they are read only when a row is
/// requested; a run with stored tokens never requests one.</summary>
internal sealed class KnownRows : RowSource
{
    private const string Format = "lapidary-rows-1";

    private readonly Lazy<RowSource> _rows;

    private KnownRows(string path, Known known, Func<(RowSource Rows, long LeftOut)> read)
    {
        (Count, ContentHash, ContentBytes) = (known.Count, known.ContentHash, known.ContentBytes);
        _rows = new(() => read().Rows is { } rows && rows.ContentHash == ContentHash
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
    /// <param name="parts">The files in order, and the rows to take.</param>
    /// <param name="options">How columns become rows, which rows to keep, and where to store the result.</param>
    /// <param name="read">Reads the rows and counts the ones that filters left out.</param>
    public static (RowSource Rows, long LeftOut) Load(
        IReadOnlyList<SourceRows> parts, DataSetOptions options, Func<(RowSource Rows, long LeftOut)> read)
    {
        string[] files = [.. parts.SelectMany(part => part.Files)];
        var before = Stamps(files);
        if (CacheFolder.Of(options.CacheDir) is not { } cache || before is null) return read();
        if (before.Sum(stamp => stamp.Length) < options.Limits.CachedBytes || IdentityOf(options) is not { } identity) return read();
        string name = KeyOf(parts, identity) + CacheFolder.Rows;
        using (var file = cache.TryOpen(name))
        {
            if (file is not null && TryParse(file) is { } known)
                return (new KnownRows(parts[0].Source.Name, known, read), known.LeftOut);
        }

        var (rows, leftOut) = read();

        // The hash belongs to the data that were read, unless somebody wrote to a file in between.
        if (rows.ContentHash is { } content && Stamps(files) is { } after && after.SequenceEqual(before))
        {
            byte[] bytes = Serialize(new(rows.Count, content, rows.ContentBytes, leftOut));
            cache.TryWrite(name, bytes.Length, stream => stream.Write(bytes));
        }

        return (rows, leftOut);
    }

    /// <summary>Sizes and times of files; null for a pipe or a device, which can be read only once.</summary>
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

    /// <summary>All options that affect the rows; null if a filter is a function, whose effect is unknown.</summary>
    private static string? IdentityOf(DataSetOptions options) => options.Filters.Any(filter => filter.Column is null)
        ? null
        : HashText.Of([
            (options with { CacheDir = null, Filters = [], Progress = null }).ToString(), options.Template?.MessagesColumn ?? "",
            .. options.Filters.Select(filter => filter.ToString()),
        ]);

    /// <summary>Hash of everything that decides the rows: this code, the options, and the files' names (which tell their formats) and
    /// bytes.</summary>
    private static string KeyOf(IReadOnlyList<SourceRows> parts, string identity)
    {
        List<string> texts = [Format, CodeVersion.OfTraining, identity];
        foreach (var part in parts)
        {
            texts.Add($"{part.Files.Count} {part.Part.From} {part.Part.To}");
            foreach (string file in part.Files)
            {
                texts.Add(Path.GetFileName(file));
                texts.Add(HashOf(file));
            }
        }

        return HashText.Of(texts);
    }

    private static string HashOf(string file)
    {
        using var stream = DataFiles.Open(file);
        try
        {
            return Convert.ToHexString(SHA256.HashData(stream));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(file, e);
        }
    }

    private static byte[] Serialize(Known known)
    {
        var bytes = new ByteBuilder();
        bytes.Text(Format);
        bytes.Number(known.Count);
        bytes.Text(known.ContentHash);
        bytes.Long(known.ContentBytes);
        bytes.Long(known.LeftOut);
        return [.. bytes.Span, .. SHA256.HashData(bytes.Span)];
    }

    private static Known? TryParse(FileStream file)
    {
        try
        {
            byte[] content = new byte[Math.Min(file.Length, 1 << 10)];
            file.ReadExactly(content);
            if (content.Length < SHA256.HashSizeInBytes) return null;
            var body = content.AsSpan(0, content.Length - SHA256.HashSizeInBytes);
            if (!SHA256.HashData(body).AsSpan().SequenceEqual(content.AsSpan(body.Length))) return null;
            var source = new ByteSource(body);
            return source.Text() == Format ? new(source.Int(), source.Text(), source.Long(), source.Long()) : null;
        }
        catch (Exception e) when (e is InvalidDataException || FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    private sealed record Known(int Count, string ContentHash, long ContentBytes, long LeftOut);
}
