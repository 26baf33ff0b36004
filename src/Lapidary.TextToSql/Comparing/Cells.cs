namespace Lapidary.TextToSql.Comparing;

/// <summary>When two values are the same.</summary>
internal static class Cells
{
    /// <summary>By how much numbers may differ, relative to the larger one, where one of them is REAL.</summary>
    public const double Tolerance = 1e-6;

    /// <summary>Integers and texts exactly, floats within the tolerance, INTEGER 1 is REAL 1.0, NULL is NULL.</summary>
    public static bool Match(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (long x, long y) => x == y,
        (long x, double y) => Close(x, y),
        (double x, long y) => Close(x, y),
        (double x, double y) => Close(x, y),
        (string x, string y) => string.Equals(x, y, StringComparison.Ordinal),
        (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),
        _ => false,
    };

    /// <summary>Whether all of the first columns match.</summary>
    public static bool Match(object?[] a, object?[] b, int columns)
    {
        for (int column = 0; column < columns; column++)
            if (!Match(a[column], b[column])) return false;
        return true;
    }

    private static bool Close(double a, double b) =>
        a.Equals(b) || (double.IsFinite(a) && double.IsFinite(b) && Math.Abs(a - b) <= Tolerance * Math.Max(Math.Abs(a), Math.Abs(b)));
}
