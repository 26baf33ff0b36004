namespace Lapidary.TextToSql.Comparing;

/// <summary>The rows of a reference without its LIMIT, with the keys of its order: which other results it could as well have
/// given.</summary>
/// <param name="rows">In order, with the keys behind or among the columns.</param>
/// <param name="keys">The keys of the order.</param>
/// <param name="columns">How many columns the result has.</param>
/// <param name="offset">Rows that are skipped.</param>
internal sealed class TiedRows(List<object?[]> rows, TiedKey[] keys, int columns, long offset)
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
            while (next < rows.Count && Array.TrueForAll(keys, key => key.IsTie(rows[start], rows[next]))) next++;
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
}
