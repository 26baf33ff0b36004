using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Comparing;

/// <summary>When two results are the same by the definitions of others.</summary>
internal static class PublishedDefinitions
{
    /// <summary>Orders of columns that are tried; the scripts try all, which does not end for many equal columns.</summary>
    private const int MaxOrders = 5000;

    /// <summary>Cells that are put into other orders, whatever the number of orders.</summary>
    private const long MaxCells = 50_000_000;

    /// <summary>BIRD: the same set of rows. Order and duplicates do not count, the order of columns does.</summary>
    public static bool Bird(ResultRows expected, ResultRows found)
    {
        var rows = PythonRows.Keys(expected.Rows).Select(PythonRows.Row).ToHashSet();
        return rows.SetEquals(PythonRows.Keys(found.Rows).Select(PythonRows.Row));
    }

    /// <summary>Spider's test suite: the same bag of rows (list, where order matters) for some order of the columns; two empty results
    /// are the same, whatever their columns.</summary>
    public static bool TestSuite(ResultRows expected, ResultRows found, bool orderMatters)
    {
        if (expected.Rows.Count == 0 && found.Rows.Count == 0) return true;
        if (expected.Rows.Count != found.Rows.Count || expected.Columns.Length != found.Columns.Length) return false;
        string[][] a = PythonRows.Keys(expected.Rows), b = PythonRows.Keys(found.Rows);
        int columns = expected.Columns.Length;
        string[] aColumns = Columns(a), bColumns = Columns(b);

        // Each column has one that stands for it, or there is no order to look for.
        if (!aColumns.Order(StringComparer.Ordinal).SequenceEqual(bColumns.Order(StringComparer.Ordinal))) return false;
        string[] sequences = [.. Enumerable.Range(0, columns).Select(column => PythonRows.Row(b.Select(row => row[column])))];
        long maxOrders = Math.Clamp(MaxCells / Math.Max(1, (long)columns * b.Length), 10, MaxOrders);

        // A column can only stand for one with the same values.
        int[][] candidates = [.. aColumns.Select(values =>
            Enumerable.Range(0, columns).Where(column => bColumns[column] == values).ToArray())];
        var wanted = Rows(a, [.. Enumerable.Range(0, columns)]);
        int tried = 0;
        return Try(new int[columns], 0);

        bool Try(int[] order, int column)
        {
            if (tried >= maxOrders) return false;
            if (column == columns)
            {
                tried++;
                return Rows(b, order).SequenceEqual(wanted);
            }

            var seen = new HashSet<string>();
            foreach (int candidate in candidates[column])
            {
                // Of columns that are the same from top to bottom it does not matter which one it is.
                if (Array.IndexOf(order, candidate, 0, column) >= 0 || !seen.Add(sequences[candidate])) continue;
                order[column] = candidate;
                if (Try(order, column + 1)) return true;
            }

            return false;
        }

        List<string> Rows(string[][] keys, int[] order)
        {
            var rows = keys.Select(row => PythonRows.Row(order.Select(column => row[column]))).ToList();
            if (!orderMatters) rows.Sort(StringComparer.Ordinal);
            return rows;
        }

        string[] Columns(string[][] keys) => [.. Enumerable.Range(0, columns).Select(column =>
        {
            var values = keys.Select(row => row[column]).ToList();
            if (!orderMatters) values.Sort(StringComparer.Ordinal);
            return PythonRows.Row(values);
        })];
    }
}
