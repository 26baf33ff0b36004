using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>Stores compiled kernels and the fastest algorithms of products on disk, under a hash of everything that determines them.
/// Damaged files are rebuilt. Without a writable folder nothing is stored, and everything still works.</summary>
/// <param name="folder">The folder, created on first use; null for no cache.</param>
internal sealed class KernelCache(string? folder)
{
    /// <summary>Name of the folder and first line of every hash. A new format of entries gets a new name.</summary>
    private const string Format = "lapidary-kernel-1";

    private const long MaxBytes = 256 << 20;

    /// <summary>Entries of caches without a folder, for the other ranks of this process.</summary>
    private static readonly ConcurrentDictionary<string, byte[]> Kept = [];

    private static ReadOnlySpan<byte> Magic => "LPDKERN1"u8;

    private static int HeaderBytes => Magic.Length + SHA256.HashSizeInBytes;

    /// <summary>The user's folder: "kernels" in that of <see cref="UserCache"/>.</summary>
    public static KernelCache Default() => new(DefaultFolder(Environment.GetEnvironmentVariable));

    /// <summary>The folder, by environment variables; null if the user has no home folder.</summary>
    public static string? DefaultFolder(Func<string, string?> environment) => UserCache.Folder("kernels", environment);

    /// <summary>Hash of everything that determines an image: source, headers, options, target and compiler.</summary>
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

        // Each text is hashed with its length, so that different lists have different hashes.
        void Append(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            Span<byte> length = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
    }

    /// <summary>The image of a key, from the folder or from <paramref name="compile"/>, whose result is then stored. If several ranks ask
    /// at the same time, one compiles.</summary>
    public byte[] GetOrAdd(string key, Func<byte[]> compile)
    {
        if (Find(key) is { } kept) return kept;
        using var turn = TakeTurn(key);
        if (Find(key) is { } others) return others;
        byte[] image = compile();
        Keep(key, image);
        return image;
    }

    /// <summary>The turn to create an entry that <see cref="Find"/> did not find. Call <see cref="Find"/> again after it is
    /// granted.</summary>
    public CacheTurn TakeTurn(string key) => CacheTurn.Take(folder, key);

    /// <summary>The entry of a key; null if it is missing or damaged.</summary>
    public byte[]? Find(string key) => folder is null ? Kept.GetValueOrDefault(key) : TryRead(PathOf(folder, key));

    /// <summary>Stores an entry if the folder is writable; without a folder, in this process.</summary>
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
            // The cache is optional: an entry that cannot be written is compiled again next time.
        }
    }
}
