using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>Compiled kernels on disk, and which algorithms of products were fastest, found by a hash of everything that decides their
/// content. Damaged and foreign files are rebuilt; without a writable folder nothing is kept and everything works.</summary>
/// <param name="folder">The folder, made on first use; null for no cache.</param>
internal sealed class KernelCache(string? folder)
{
    /// <summary>Names the folder and is the first line of what is hashed: a new format of entries has a new name.</summary>
    private const string Format = "lapidary-kernel-1";

    private const long MaxBytes = 256 << 20;

    /// <summary>Entries of caches without a folder, for the other ranks of this process.</summary>
    private static readonly ConcurrentDictionary<string, byte[]> Kept = [];

    private static ReadOnlySpan<byte> Magic => "LPDKERN1"u8;

    private static int HeaderBytes => Magic.Length + SHA256.HashSizeInBytes;

    /// <summary>The folder of this user: LAPIDARY_CACHE, else XDG_CACHE_HOME/lapidary or ~/.cache/lapidary, and in it kernels.</summary>
    public static KernelCache Default() => new(DefaultFolder(Environment.GetEnvironmentVariable));

    /// <summary>The folder by the environment's variables; null where there is no home.</summary>
    public static string? DefaultFolder(Func<string, string?> environment) => UserCache.Folder("kernels", environment);

    /// <summary>Hash of everything that decides an image: source, headers, options, target and compiler.</summary>
    public static string Key(
        KernelSource source, IReadOnlyList<KernelSource> headers, IReadOnlyList<string> options, KernelTarget target, Version compiler) =>
        Key([
            compiler.ToString(), target.Architecture, .. options,
            .. new[] { source }.Concat(headers).SelectMany(file => new[] { file.File, file.Text }),
        ]);

    /// <summary>Hash of some texts.</summary>
    public static string Key(params ReadOnlySpan<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(Format);
        foreach (string text in texts) Append(text);
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        // Each text goes in with its length, so that no two lists of texts hash alike.
        void Append(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            Span<byte> length = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
    }

    /// <summary>The image of a key, from the folder or by <paramref name="compile"/>, which is then kept. Of several ranks that ask at once
    /// one compiles.</summary>
    public byte[] GetOrAdd(string key, Func<byte[]> compile)
    {
        if (Find(key) is { } kept) return kept;
        using var turn = TakeTurn(key);
        if (Find(key) is { } others) return others;
        byte[] image = compile();
        Keep(key, image);
        return image;
    }

    /// <summary>The turn to make an entry that <see cref="Find"/> did not find: look again once it has come.</summary>
    public CacheTurn TakeTurn(string key) => CacheTurn.Take(folder, key);

    /// <summary>The entry of a key; null where there is none that is whole.</summary>
    public byte[]? Find(string key) => folder is null ? Kept.GetValueOrDefault(key) : TryRead(PathOf(folder, key));

    /// <summary>Keeps an entry where the folder can be written; without a folder, in this process.</summary>
    public void Keep(string key, byte[] image)
    {
        if (folder is null) Kept[key] = image;
        else TryWrite(PathOf(folder, key), image);
    }

    private static string PathOf(string folder, string key) => Path.Combine(folder, key + ".bin");

    private static byte[]? TryRead(string path)
    {
        try
        {
            byte[] content = InputFile.ReadAllBytes(path, MaxBytes);
            if (content.Length <= HeaderBytes || !content.AsSpan().StartsWith(Magic)) return null;
            byte[] image = content[HeaderBytes..];
            return SHA256.HashData(image).AsSpan().SequenceEqual(content.AsSpan(Magic.Length, SHA256.HashSizeInBytes)) ? image : null;
        }
        catch (LapidaryException)
        {
            return null;
        }
    }

    /// <summary>Another process sees the whole entry or none.</summary>
    private static void TryWrite(string path, byte[] image)
    {
        try
        {
            using var file = AtomicFile.Create(path);
            file.Write(Magic);
            file.Write(SHA256.HashData(image));
            file.Write(image);
            file.Commit();
        }
        catch (LapidaryException)
        {
            // The cache is a convenience: what cannot be written there is compiled again next time.
        }
    }
}
