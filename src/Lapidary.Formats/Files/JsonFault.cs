using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lapidary.Formats.Files;

/// <summary>Where a text stops to be JSON, and what stands there, in words for the one who wrote it. .NET's message counts lines from 0 and
/// speaks of its reader.</summary>
/// <param name="Found">What was found: "'}'", "the word None", "the end of the text".</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">Characters of the line, from 1.</param>
internal sealed record JsonFault(string Found, long Line, long Column)
{
    /// <summary>Lists and objects within each other that .NET's reader takes unless told otherwise.</summary>
    private const int MaxDepth = 64;

    private const int LongestWord = 20;

    private static readonly SearchValues<byte> Letters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"u8);

    /// <summary>What is found and where, as "'}' in line 2, column 7".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Found} in line {Line}, column {Column}");

    /// <summary>The fault that a reader found.</summary>
    /// <param name="utf8">The whole text.</param>
    /// <param name="error">The reader's error.</param>
    public static JsonFault Of(ReadOnlySpan<byte> utf8, JsonException error) => Of(utf8, PlaceOf(utf8, error));

    /// <summary>A fault that is found another way.</summary>
    /// <param name="utf8">The whole text.</param>
    /// <param name="place">The byte.</param>
    /// <param name="found">What stands there.</param>
    public static JsonFault At(ReadOnlySpan<byte> utf8, int place, string found)
    {
        var before = utf8[..place];
        var line = before[(before.LastIndexOf((byte)'\n') + 1)..];
        return new(found, before.Count((byte)'\n') + 1, Encoding.UTF8.GetCharCount(line) + 1);
    }

    private static JsonFault Of(ReadOnlySpan<byte> utf8, int place)
    {
        var (isInString, depth) = StateAt(utf8[..place]);
        string inside = isInString ? " inside a string" : "";
        if (place == utf8.Length) return At(utf8, place, "the end of the text" + inside);
        if (!isInString && WordAt(utf8, place) is { Length: > 0 } word)
            return At(utf8, word.Start, $"the word {Encoding.ASCII.GetString(utf8.Slice(word.Start, word.Length))}");
        byte found = utf8[place];
        if (isInString && utf8[place - 1] == (byte)'\\' && found is > (byte)' ' and < 0x7F)
            return At(utf8, place - 1, $"\\{(char)found}{inside}");
        if (found is (byte)'[' or (byte)'{' && depth >= MaxDepth)
            return At(utf8, place, $"lists and objects more than {MaxDepth} deep");
        if (found is (byte)']' or (byte)'}' && utf8[..place].TrimEnd(" \t\r\n"u8).EndsWith(","u8))
            return At(utf8, place, $"a comma before '{(char)found}'");
        return At(utf8, place, Named(utf8[place..]) + inside);
    }

    /// <summary>The byte that .NET's error names.</summary>
    private static int PlaceOf(ReadOnlySpan<byte> utf8, JsonException error)
    {
        int start = 0;
        for (long line = error.LineNumber ?? 0; line > 0 && utf8[start..].IndexOf((byte)'\n') is >= 0 and var end; line--) start += end + 1;
        return (int)Math.Min(start + (error.BytePositionInLine ?? 0), utf8.Length);
    }

    /// <summary>Whether a text, which is JSON so far, ends within a string, and how many lists and objects are open.</summary>
    private static (bool IsInString, int Depth) StateAt(ReadOnlySpan<byte> before)
    {
        bool isInString = false;
        int depth = 0;
        for (int i = 0; i < before.Length; i++)
        {
            byte at = before[i];
            if (at == (byte)'"') isInString = !isInString;
            else if (isInString && at == (byte)'\\') i++;
            else if (!isInString && at is (byte)'[' or (byte)'{') depth++;
            else if (!isInString && at is (byte)']' or (byte)'}') depth--;
        }

        return (isInString, depth);
    }

    /// <summary>The word around a byte, or that ends before it: None, nul. No word for true, false, null and the e of a number.</summary>
    private static (int Start, int Length) WordAt(ReadOnlySpan<byte> utf8, int place)
    {
        int start = utf8[..place].LastIndexOfAnyExcept(Letters) + 1, rest = utf8[place..].IndexOfAnyExcept(Letters);
        int end = rest < 0 ? utf8.Length : place + rest;
        var word = utf8[start..end];
        bool isNumbers = start > 0 && char.IsAsciiDigit((char)utf8[start - 1]);
        bool isLiteral = word.SequenceEqual("true"u8) || word.SequenceEqual("false"u8) || word.SequenceEqual("null"u8);
        return isNumbers || isLiteral ? default : (start, Math.Min(word.Length, LongestWord));
    }

    private static string Named(ReadOnlySpan<byte> text)
    {
        _ = Rune.DecodeFromUtf8(text, out var rune, out _);
        return rune.Value switch
        {
            '\n' or '\r' => "a line end",
            '\t' => "a tab",
            '\'' => "a single quote",
            '"' => "a quote",
            _ => Printable.Line(rune.ToString()) is var shown && shown == rune.ToString() && !Rune.IsWhiteSpace(rune)
                ? $"'{shown}'" : string.Create(CultureInfo.InvariantCulture, $"the character U+{rune.Value:X4}"),
        };
    }
}

/// <summary>A text is not one JSON value that rows can hold.</summary>
/// <param name="fault">Where, and why.</param>
internal sealed class JsonFaultException(JsonFault fault) : LapidaryException($"expected JSON, found {fault}; correct it.")
{
    /// <summary>Where, and why.</summary>
    public JsonFault Fault => fault;
}
