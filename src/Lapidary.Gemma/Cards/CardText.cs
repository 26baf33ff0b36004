using System.Buffers;

namespace Lapidary.Gemma.Cards;

/// <summary>Escapes words for a card's Markdown.</summary>
internal static class CardText
{
    /// <summary>Gemma's licence in the Hub's list.</summary>
    public const string License = "gemma";

    /// <summary>The section of a card on the licence.</summary>
    public const string Licence = """
        ## Licence

        Gemma is provided under and subject to the [Gemma Terms of Use](https://ai.google.dev/gemma/terms), which hold for what is
        made from it as well.

        """;

    private static readonly SearchValues<char> Signs = SearchValues.Create("|*<>[]()\\`");

    /// <summary>Whether a word can stand unchanged in code of any language and in a table.</summary>
    public static bool IsPlain(string word) => word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>A value as a table cell, in code style if it contains Markdown characters.</summary>
    public static string Cell(string value) => value.AsSpan().ContainsAny(Signs)
        ? $"`{value.Replace("`", "'", StringComparison.Ordinal).Replace("|", @"\|", StringComparison.Ordinal)}`"
        : value;
}
