using System.Buffers;

namespace Lapidary.Training.Publishing;

/// <summary>Words of a card's Markdown.</summary>
internal static class CardText
{
    private static readonly SearchValues<char> Signs = SearchValues.Create("|*<>[]()\\`");

    /// <summary>Whether a word can stand in code of any language, and in a table, as it is.</summary>
    public static bool IsPlain(string word) => word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>A value as a cell of a table, in code style where it has signs of Markdown.</summary>
    public static string Cell(string value) => value.AsSpan().ContainsAny(Signs)
        ? $"`{value.Replace("`", "'", StringComparison.Ordinal).Replace("|", @"\|", StringComparison.Ordinal)}`"
        : value;
}
