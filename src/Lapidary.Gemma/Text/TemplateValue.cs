using System.Collections;
using System.Numerics;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Text;

/// <summary>Converts values of rows to values that templates use.</summary>
internal static class TemplateValue
{
    /// <summary>A copy of a dictionary, in its order.</summary>
    /// <exception cref="LapidaryException">A template cannot use one of the values.</exception>
    public static Dictionary<string, object?> From(IReadOnlyDictionary<string, object?> fields)
    {
        var copy = new Dictionary<string, object?>(fields.Count, StringComparer.Ordinal);
        foreach (var (name, value) in fields) copy[name] = From(value);
        return copy;
    }

    /// <inheritdoc cref="From(IReadOnlyDictionary{string, object?})"/>
    public static object? From(object? value) => value switch
    {
        null or bool or long or BigInteger or double or string => value,
        int or short or sbyte or byte or ushort or uint => Convert.ToInt64(value, null),
        ulong number => new BigInteger(number),
        float number => (double)number,
        IReadOnlyDictionary<string, object?> fields => From(fields),
        IEnumerable list and not IDictionary => list.Cast<object?>().Select(From).ToList(),
        _ => throw new LapidaryException(
            "expected text, true, false, null, numbers, lists or objects for the chat template, "
            + $"found {FileErrors.OneLine(value.ToString() ?? value.GetType().Name)}."),
    };
}
