using System.Buffers.Binary;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Text;

/// <summary>Stores large tokenizers in their in-memory form, so that a later start need not read 33 MB of JSON. A hash of the
/// tokenizer.json finds an entry, and another hash checks it. An entry that is missing, damaged or of another version is created again. If
/// the folder cannot be written, nothing is stored, and everything works.</summary>
/// <param name="folder">The folder, created on first use; null for no cache.</param>
/// <param name="minFileBytes">Smaller files are not stored, because reading them is as fast.</param>
internal sealed class TokenizerCache(string? folder, int minFileBytes = 1 << 20)
{
    /// <summary>A folder in place of the user's, or none.</summary>
    public const string Variable = "LAPIDARY_TOKENIZER_CACHE";

    /// <summary>Increase it when the format changes, or the data derived from a file.</summary>
    private const int Version = 1;

    /// <summary>Number of entries kept, those used last.</summary>
    internal const int MaxEntries = 8;

    private const int BlockBytes = 1 << 18, MaxAddedTokens = 1 << 20;

    private const string Ending = ".tokenizer";

    private static ReadOnlySpan<byte> Magic => "LPDTOKN\x01"u8;

    /// <summary>The cache that the environment names.</summary>
    public static TokenizerCache Default() => new(FolderOf(Environment.GetEnvironmentVariable));

    /// <summary>The folder from environment variables; null for none.</summary>
    public static string? FolderOf(Func<string, string?> environment) => environment(Variable) switch
    {
        "none" => null,
        { Length: > 0 } own => Path.GetFullPath(own),
        _ => UserCache.Folder("tokenizers", environment),
    };

    /// <summary>The parts of a tokenizer.json, from the cache or from the file.</summary>
    /// <exception cref="LapidaryException">See <see cref="TokenizerFile.Read"/>.</exception>
    public TokenizerParts Read(string path)
    {
        if (folder is null || !BitConverter.IsLittleEndian || HashOf(path) is not { } hash) return TokenizerFile.Read(path);
        if (TryRead(PathOf(hash), hash) is { } kept) return kept;
        var parts = TokenizerFile.Read(path);
        TryWrite(PathOf(hash), hash, parts);
        return parts;
    }

    private string PathOf(UInt128 hash) => Path.Combine(folder!, $"{hash:x32}-{Version}{Ending}");

    /// <summary>The file's hash; null if the file is small or unreadable. The file's reader reports the error.</summary>
    private UInt128? HashOf(string path)
    {
        try
        {
            if (new FileInfo(path) is not { Exists: true } file || file.Length < minFileBytes) return null;
            using var stream = InputFile.OpenRead(path);
            var hash = new BlockHash();
            byte[] block = new byte[BlockBytes];
            while (stream.ReadAtLeast(block, block.Length, throwOnEndOfStream: false) is > 0 and var count)
                hash.Append(block.AsSpan(0, count));
            return hash.Value;
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    private static TokenizerParts? TryRead(string path, UInt128 hash)
    {
        try
        {
            if (!File.Exists(path)) return null;
            using var stream = InputFile.OpenRead(path);
            Span<byte> magic = stackalloc byte[Magic.Length];
            stream.ReadExactly(magic);
            if (!magic.SequenceEqual(Magic)) return null;
            var image = new ImageReader(stream);
            if (ReadHash(image) != hash) return null;
            var parts = Read(image);
            image.Finish();
            if (!parts.Vocabulary.IsWhole()) return null;
            Touch(path);
            return parts;
        }
        catch (Exception e) when (
            e is LapidaryException or InvalidDataException or OutOfMemoryException or OverflowException || FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    private void TryWrite(string path, UInt128 source, TokenizerParts parts)
    {
        try
        {
            using (var file = AtomicFile.Create(path))
            {
                file.Write(stream =>
                {
                    stream.Write(Magic);
                    var image = new ImageWriter(stream);
                    Write(image, source);
                    Write(image, parts);
                    image.Finish();
                });
                file.Commit();
            }

            foreach (var old in new DirectoryInfo(folder!).GetFiles("*" + Ending).OrderByDescending(entry => entry.LastWriteTimeUtc)
                .Skip(MaxEntries))
            {
                old.Delete();
            }
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            // The cache is optional: without an entry, the JSON is read again.
        }
    }

    /// <summary>Marks an entry as used; others are deleted first.</summary>
    private static void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The folder is read-only.
        }
    }

    private static void Write(ImageWriter image, TokenizerParts parts)
    {
        Write(image, parts.Hash);
        parts.Vocabulary.Write(image);
        parts.Merges.Write(image);
        image.Write(parts.HasOpaqueMerges ? 1 : 0);
        image.Write(parts.AddedTokens.Count);
        foreach (var token in parts.AddedTokens)
        {
            image.Write(token.Content);
            image.Write(token.Id);
            image.Write((token.Special ? 1 : 0) + (token.Normalized ? 2 : 0));
        }

        image.Write<char>(parts.Normalizer is { } map ? [map.From, map.To] : []);
        image.Write<int>(parts.Bytes ?? []);
        image.Write(parts.Unknown ?? -1);
        image.Write(parts.FuseUnknown ? 1 : 0);
        image.Write<int>(parts.Before);
        image.Write<int>(parts.After);
        image.Write<byte>(parts.Decoding.Pattern);
        image.Write<byte>(parts.Decoding.Content);
        image.Write(parts.Decoding.ByteFallback ? 1 : 0);
    }

    private static TokenizerParts Read(ImageReader image) => new()
    {
        Hash = ReadHash(image),
        Vocabulary = Vocabulary.Read(image),
        Merges = MergeTable.Read(image),
        HasOpaqueMerges = image.ReadInt32() != 0,
        AddedTokens = ReadAddedTokens(image),
        Normalizer = image.ReadArray<char>() is [var from, var to] ? new CharMap(from, to) : null,
        Bytes = image.ReadArray<int>() is { Length: > 0 } bytes ? bytes : null,
        Unknown = image.ReadInt32() is >= 0 and var unknown ? unknown : null,
        FuseUnknown = image.ReadInt32() != 0,
        Before = image.ReadArray<int>(),
        After = image.ReadArray<int>(),
        Decoding = new PieceDecoding(image.ReadArray<byte>(), image.ReadArray<byte>(), image.ReadInt32() != 0),
    };

    private static void Write(ImageWriter image, UInt128 hash)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, hash);
        image.Write<byte>(bytes);
    }

    private static UInt128 ReadHash(ImageReader image) => image.ReadArray<byte>() is { Length: 16 } bytes
        ? BinaryPrimitives.ReadUInt128LittleEndian(bytes)
        : throw new InvalidDataException();

    private static AddedToken[] ReadAddedTokens(ImageReader image)
    {
        var tokens = new AddedToken[Math.Clamp(image.ReadInt32(), 0, MaxAddedTokens)];
        for (int i = 0; i < tokens.Length; i++)
        {
            var (content, id, flags) = (image.ReadText(), image.ReadInt32(), image.ReadInt32());
            tokens[i] = new AddedToken(content, id, (flags & 1) != 0, (flags & 2) != 0);
        }

        return tokens;
    }
}
