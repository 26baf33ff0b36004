using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;

namespace Lapidary.Formats;

/// <summary>Checks records of options against the [Range] of their properties, so that a bound exists once.</summary>
internal static class RangeValidation
{
    /// <summary>Checks every property that has a range; null passes, as it means that an option is not given.</summary>
    /// <exception cref="LapidaryException">A value is out of its range; the message names the key, such as max_length.</exception>
    public static void Check<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(T options)
    {
        foreach (var property in typeof(T).GetProperties())
        {
            if (property.GetCustomAttribute<RangeAttribute>(inherit: false) is not { } range) continue;
            object? value = property.GetValue(options);
            if (range.IsValid(value)) continue;
            string key = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
            throw new LapidaryException($"{key} must be from {range.Minimum} to {range.Maximum}, got {value}.");
        }
    }
}
