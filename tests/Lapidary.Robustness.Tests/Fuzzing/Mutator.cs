using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Makes broken files out of good ones: bytes changed, cut, repeated and moved, numbers driven to their limits, words and brackets
/// exchanged. The same seed makes the same files.</summary>
internal sealed class Mutator(int seed, IReadOnlyList<byte[]> sources)
{
    private static readonly byte[][] Words =
    [
        .. new[]
        {
            "null", "true", "false", "-1", "0", "1e999", "-1e999", "NaN", "Infinity", "2147483648", "-9223372036854775808",
            "18446744073709551616", "1e-320", "3.5", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[[[[[[[",
            "{\"a\":{\"a\":{\"a\":", "\"x\"", "{{", "}}", "{%", "%}", "{#", "-%}", "|length", "|join", "**9999", "..", "../../x",
            "&a [*a]", "!!binary", "- ", ": ", "\n", "\r", "\t", "\u2028", "\u202e", "\u0085", "'", "\"", ",", "\\",
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF], [0x00], new byte[64],
    ];

    private readonly Random _random = new(seed);

    /// <summary>The next broken file.</summary>
    public byte[] Next()
    {
        byte[] file = sources[_random.Next(sources.Count)];
        int changes = 1 + (int)Math.Pow(2, _random.NextDouble() * 4) - 1;
        for (int i = 0; i < changes; i++) file = Change(file);
        return file;
    }

    private byte[] Change(byte[] file) => _random.Next(12) switch
    {
        0 => Flip(file),
        1 => Splice(file, file.Length == 0 ? 0 : _random.Next(file.Length), SmallLength(file), []),
        2 => file[.._random.Next(file.Length + 1)],
        3 => Repeat(file),
        4 => Binary(file),
        5 => Number(file),
        6 => Token(file),
        7 => Splice(file, _random.Next(file.Length + 1), 0, Piece(sources[_random.Next(sources.Count)])),
        _ => Splice(file, _random.Next(file.Length + 1), _random.Next(4), Words[_random.Next(Words.Length)]),
    };

    private byte[] Flip(byte[] file)
    {
        if (file.Length == 0) return file;
        byte[] changed = [.. file];
        changed[_random.Next(file.Length)] ^= (byte)(1 << _random.Next(8));
        return changed;
    }

    /// <summary>A piece once more, or many times.</summary>
    private byte[] Repeat(byte[] file)
    {
        byte[] piece = Piece(file);
        int times = _random.Next(8) == 0 ? Math.Min(2000, 100_000 / Math.Max(1, piece.Length)) : 1 + _random.Next(3);
        return Splice(file, _random.Next(file.Length + 1), 0, [.. Enumerable.Repeat(piece, times).SelectMany(p => p)]);
    }

    /// <summary>Eight or four bytes as a length that a binary format may hold.</summary>
    private byte[] Binary(byte[] file)
    {
        if (file.Length < 8) return file;
        byte[] changed = [.. file];
        long value = _random.Next(5) switch
        {
            0 => -1,
            1 => long.MaxValue,
            2 => int.MaxValue,
            3 => file.Length + _random.Next(-9, 9),
            _ => _random.Next(256),
        };
        int at = _random.Next(4) switch { 0 => 0, 1 => file.Length - 8, _ => _random.Next(file.Length - 7) };
        if (_random.Next(2) == 0) BinaryPrimitives.WriteInt64LittleEndian(changed.AsSpan(at), value);
        else BinaryPrimitives.WriteInt32LittleEndian(changed.AsSpan(at), (int)value);
        return changed;
    }

    /// <summary>A run of digits becomes another number.</summary>
    private byte[] Number(byte[] file)
    {
        if (file.Length == 0) return file;
        int start = Array.FindIndex(file, _random.Next(file.Length), b => b is >= (byte)'0' and <= (byte)'9');
        if (start < 0) return Flip(file);
        int end = start;
        while (end < file.Length && file[end] is >= (byte)'0' and <= (byte)'9' or (byte)'.' or (byte)'e') end++;
        return Splice(file, start, end - start, Words[_random.Next(14)]);
    }

    /// <summary>A value between commas or colons becomes another one.</summary>
    private byte[] Token(byte[] file)
    {
        static bool IsBorder(byte b) => b is (byte)',' or (byte)':' or (byte)'[' or (byte)']' or (byte)'{' or (byte)'}' or (byte)'\n';
        if (file.Length == 0) return file;
        int start = Array.FindIndex(file, _random.Next(file.Length), IsBorder) + 1;
        int end = Array.FindIndex(file, start, IsBorder);
        return start == 0 || end < 0 ? Flip(file) : Splice(file, start, end - start, Words[_random.Next(Words.Length)]);
    }

    private int SmallLength(byte[] file) => _random.Next(Math.Min(64, file.Length) + 1);

    private byte[] Piece(byte[] file)
    {
        int start = _random.Next(file.Length + 1);
        return file.AsSpan(start, Math.Min(_random.Next(200), file.Length - start)).ToArray();
    }

    private static byte[] Splice(byte[] file, int at, int removed, byte[] added) =>
        [.. file.AsSpan(0, at), .. added, .. file.AsSpan(Math.Min(file.Length, at + removed))];
}
