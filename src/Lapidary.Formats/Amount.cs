using System.Globalization;

namespace Lapidary.Formats;

/// <summary>Counts in messages: "1 row", "2 rows".</summary>
internal static class Amount
{
    /// <summary>A number with its noun.</summary>
    /// <param name="number">How many.</param>
    /// <param name="one">The words after 1: "row", "row was".</param>
    /// <param name="many">The words after other numbers; null for <paramref name="one"/> with an s.</param>
    public static string Of(long number, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {Words(number, one, many)}");

    /// <summary>The same with a comma after each three digits: "12,500 rows".</summary>
    public static string Grouped(long number, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{number:N0} {Words(number, one, many)}");

    private static string Words(long number, string one, string? many) => number == 1 ? one : many ?? one + "s";
}
