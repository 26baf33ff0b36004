using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;

namespace Lapidary.Formats;

/// <summary>The limits of an options record are [Range] attributes on its properties: checks, readers of files and the command line all
/// take them from there.</summary>
/// <remarks>Messages of the libraries name an option by its C# property, MaxLength, which is what their callers write. The command line
/// says the flag instead, see OptionNames there.</remarks>
internal static class RecordLimits
{
    /// <summary>The limits of one property.</summary>
    public static RangeAttribute Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(string property) =>
        typeof(T).GetProperty(property)?.GetCustomAttribute<RangeAttribute>()
        ?? throw new ArgumentException($"{typeof(T).Name}.{property} has no limits.", nameof(property));

    /// <summary>Checks every property that has limits. A hint in the attribute's ErrorMessage is put behind them.</summary>
    /// <exception cref="LapidaryException">One is out of range; the message names the property.</exception>
    public static void Check<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(T record)
    {
        foreach (var property in typeof(T).GetProperties())
        {
            if (property.GetCustomAttribute<RangeAttribute>() is not { } range || range.IsValid(property.GetValue(record))) continue;
            string hint = range.ErrorMessage is null ? "" : $" ({range.ErrorMessage})";
            throw new LapidaryException(string.Create(
                CultureInfo.InvariantCulture, $"{property.Name} must {Describe(range)}{hint}, got {property.GetValue(record)}."));
        }
    }

    private static string Describe(RangeAttribute range)
    {
        bool isOpen = range.Maximum is int.MaxValue or double.MaxValue or (double)float.MaxValue;
        FormattableString text = (range.MinimumIsExclusive, range.MaximumIsExclusive, isOpen) switch
        {
            (true, _, true) => $"be above {range.Minimum}",
            (true, _, false) => $"lie above {range.Minimum} and be at most {range.Maximum}",
            (false, true, _) => $"be at least {range.Minimum} and below {range.Maximum}",
            (false, false, true) => $"be at least {range.Minimum}",
            (false, false, false) => $"be from {range.Minimum} to {range.Maximum}",
        };
        return FormattableString.Invariant(text);
    }
}
