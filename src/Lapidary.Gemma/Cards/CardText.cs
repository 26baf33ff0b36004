using System.Buffers;

namespace Lapidary.Gemma.Cards;

/// <summary>Escapes words for a card's Markdown.</summary>
internal static class CardText
{
    private static readonly SearchValues<char> Signs = SearchValues.Create("|*<>[]()\\`");

    /// <summary>Whether a word can stand unchanged in code of any language and in a table.</summary>
    public static bool IsPlain(string word) => word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>A value as a table cell, in code style if it contains Markdown characters.</summary>
    public static string Cell(string value) => value.AsSpan().ContainsAny(Signs)
        ? $"`{value.Replace("`", "'", StringComparison.Ordinal).Replace("|", @"\|", StringComparison.Ordinal)}`"
        : value;
}
