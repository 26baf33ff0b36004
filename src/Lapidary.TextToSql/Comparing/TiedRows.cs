namespace Lapidary.TextToSql.Comparing;

/// <summary>The rows of a reference without its LIMIT, with the keys of its order: which other results it could as well have
/// given.</summary>
/// <param name="rows">In order, with the keys behind or among the columns.</param>
/// <param name="keys">Which columns are keys.</param>
/// <param name="columns">How many columns the result has.</param>
/// <param name="offset">Rows that are skipped.</param>
internal sealed class TiedRows(List<object?[]> rows, int[] keys, int columns, long offset)
{
    /// <summary>Whether rows, in their order, are a result that the reference allows: at each place a row with the key of that
    /// place.</summary>
    public bool Allow(List<object?[]> result)
    {
        if (offset + result.Count > rows.Count) return false;
        long end = offset + result.Count;
        for (int start = 0; start < end;)
        {
            int next = start + 1;
            while (next < rows.Count && Array.TrueForAll(keys, key => Equals(rows[start][key], rows[next][key]))) next++;
            int from = (int)Math.Max(start, offset), to = (int)Math.Min(next, end);
            if (from < to)
            {
                var part = result.GetRange(from - (int)offset, to - from);
                if (!Bags.Contain(part, rows.GetRange(start, next - start), columns)) return false;
            }

            start = next;
        }

        return true;
    }

    /// <summary>By value, as SQLite sorts, so that 1 is 1.0; a tolerance here would only allow more.</summary>
    private static new bool Equals(object? a, object? b) => (a, b) switch
    {
        (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),
        (long x, double y) => IsSame(x, y),
        (double x, long y) => IsSame(y, x),
        _ => object.Equals(a, b),
    };

    private static bool IsSame(long a, double b) => Math.Abs(b) < 9.2e18 && Math.Truncate(b).Equals(b) && (long)b == a;
}
