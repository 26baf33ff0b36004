using System.Text;

namespace Lapidary.Formats.Files;

/// <summary>Opens and reads ordinary files from others. A folder, pipe, socket or device is refused with one line instead of blocking. The
/// bytes read are counted, because the length from the system may be wrong: files of /proc report 0, and a file may grow while it is
/// read.</summary>
/// <remarks>All members throw <see cref="LapidaryException"/>. <c>what</c> names the expected content in messages: "a tokenizer".</remarks>
internal static class InputFile
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether an optional file exists. This includes a folder or a broken link of that name, so that reading refuses it instead
    /// of skipping it.</summary>
    public static bool IsThere(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    /// <summary>Opens an ordinary file for reading, without a buffer.</summary>
    public static FileStream OpenRead(string path, string what = "a file")
    {
        if (path.Length == 0 || path.Contains('\0'))
            throw new LapidaryException($"\"{path}\": expected the path of {what}, found none; check the path.");
        try
        {
            var stream = OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()
                ? UnixFile.Open(path, out string? found)
                : OpenPlain(path, out found);
            if (found is null) return stream!;
            throw new LapidaryException($"{path}: expected {what}, found {found}; check the path.");
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(path, e);
        }
    }

    /// <summary>The file's bytes, at most <paramref name="maxBytes"/>.</summary>
    public static byte[] ReadAllBytes(string path, long maxBytes, string what = "a file")
    {
        using var stream = OpenRead(path, what);
        try
        {
            return ReadToEnd(stream, Math.Min(maxBytes, Array.MaxLength - 1))
                ?? throw new LapidaryException(
                    $"{path}: expected {what} of at most {ByteSize.Format(maxBytes)}, found more; check the path.");
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(path, e);
        }
    }

    /// <summary>The file's text, at most <paramref name="maxBytes"/> bytes of UTF-8; a byte order mark is removed, line ends are
    /// kept.</summary>
    public static string ReadAllText(string path, long maxBytes, string what = "a text file") =>
        Utf8Text(path, ReadAllBytes(path, maxBytes, what), what);

    /// <summary>Decodes UTF-8. Invalid bytes are an error that names their line; they are never replaced.</summary>
    public static string Utf8Text(string path, ReadOnlySpan<byte> bytes, string what = "a text file")
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[3..];
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            int line = 1 + bytes[..Math.Clamp(e.Index, 0, bytes.Length)].Count((byte)'\n');
            throw new LapidaryException($"{path}, line {line}: expected {what} in UTF-8, found the bytes "
                + $"{Convert.ToHexString(e.BytesUnknown ?? [])}; save the file as UTF-8.", e);
        }
    }

    /// <summary>All bytes, or null if the stream has more than <paramref name="maxBytes"/>.</summary>
    private static byte[]? ReadToEnd(FileStream stream, long maxBytes)
    {
        byte[] bytes = new byte[Math.Min(stream.Length, maxBytes)];
        Span<byte> next = stackalloc byte[4096];
        int count = 0;
        while (true)
        {
            int read = count < bytes.Length ? stream.Read(bytes.AsSpan(count)) : stream.Read(next);
            if (read == 0) break;
            if (read > maxBytes - count) return null;
            if (count == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(maxBytes, Math.Max(2L * count, count + read)));
                next[..read].CopyTo(bytes.AsSpan(count));
            }

            count += read;
        }

        return count == bytes.Length ? bytes : bytes[..count];
    }

    private static FileStream? OpenPlain(string path, out string? found)
    {
        found = Directory.Exists(path) ? "a folder" : null;
        return found is null ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 0) : null;
    }
}
