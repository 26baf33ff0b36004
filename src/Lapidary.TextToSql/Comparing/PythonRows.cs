using System.Globalization;
using System.Text;

namespace Lapidary.TextToSql.Comparing;

/// <summary>Results as the published scripts compare them: as Python's tuples, of which 1 and 1.0 are equal and all else is exact.</summary>
internal static class PythonRows
{
    /// <summary>A text for each cell, the same for those that Python finds equal.</summary>
    public static string[][] Keys(List<object?[]> rows) => [.. rows.Select(row => Array.ConvertAll(row, Key))];

    /// <summary>One text for a row.</summary>
    public static string Row(IEnumerable<string> keys) =>
        keys.Aggregate(new StringBuilder(), (text, key) => text.Append(key.Length).Append(':').Append(key)).ToString();

    private static string Key(object? cell) => cell switch
    {
        null => "n",
        long number => "i" + number.ToString(CultureInfo.InvariantCulture),

        // A whole number below 2⁶³ is that integer, whatever its type.
        double number when Math.Truncate(number).Equals(number) && Math.Abs(number) < 9.2e18 =>
            "i" + ((long)number).ToString(CultureInfo.InvariantCulture),
        double number => "r" + number.ToString("R", CultureInfo.InvariantCulture),
        string text => "t" + text,
        byte[] blob => "b" + Convert.ToHexString(blob),
        _ => throw new ArgumentException($"A {cell.GetType().Name} is no SQL value.", nameof(cell)),
    };
}
