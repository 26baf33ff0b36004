using System.Globalization;

namespace Lapidary.Training.Reports.Pages;

/// <summary>Numbers as text.</summary>
internal static class Figures
{
    /// <summary>A number with thousands separators; null for none.</summary>
    public static string? Count(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number with a format; null for none.</summary>
    public static string? Number(double? number, string format) => number switch
    {
        null => null,
        { } value when double.IsNaN(value) => "not a number",
        double.PositiveInfinity => "infinite",
        double.NegativeInfinity => "negative infinite",
        { } value => value.ToString(format, CultureInfo.InvariantCulture),
    };

    /// <summary>A share of a whole: "26 (52.0 %)".</summary>
    public static string? Share(long? part, long? whole) => part is null
        ? null
        : whole > 0 ? $"{Count(part)} ({((double)part / whole.Value).ToString("P1", CultureInfo.InvariantCulture)})" : Count(part);

    /// <summary>A time of a file, in UTC; null for none.</summary>
    public static string? Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)
            : text;

    /// <summary>Hours, minutes and seconds.</summary>
    public static string? Duration(double? seconds) => seconds is not { } value
        ? null
        : TimeSpan.FromSeconds(value) is var time
            ? string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}")
            : null;
}
