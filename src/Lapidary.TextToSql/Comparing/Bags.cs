using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Lapidary.TextToSql.Comparing;

/// <summary>Compares rows as bags: in any order, as often as they occur.</summary>
/// <remarks>Equality within a tolerance is not transitive, so rows cannot be sorted and compared, nor taken one after the other: what
/// is asked for is a perfect matching. Rows are first grouped by all that must be exact; within a group an attempt by sorted order
/// nearly always succeeds, and augmenting paths decide the rest.</remarks>
internal static class Bags
{
    /// <summary>Stands for a number that is compared within the tolerance.</summary>
    private static readonly object Inexact = new();

    /// <summary>Rows of a group for which paths are looked for; above it, sorted order decides.</summary>
    private const int MaxPathRows = 2000;

    /// <summary>Whether each row of the first can be given a row of its own in the second that matches it.</summary>
    /// <param name="rows">Rows to place.</param>
    /// <param name="among">At least as many rows.</param>
    /// <param name="columns">How many columns count, from the first.</param>
    public static bool Contain(List<object?[]> rows, List<object?[]> among, int columns)
    {
        if (rows.Count > among.Count) return false;
        bool[] isExact = [.. Enumerable.Range(0, columns).Select(column => !HasReals(rows, column) && !HasReals(among, column))];
        var groups = Group(among, isExact);
        foreach (var (key, members) in Group(rows, isExact))
        {
            if (!groups.TryGetValue(key, out var candidates) || candidates.Count < members.Count) return false;
            if (!Array.TrueForAll(isExact, exact => exact) && !CanPair(members, candidates, columns)) return false;
        }

        return true;
    }

    private static bool HasReals(List<object?[]> rows, int column) => rows.Exists(row => row[column] is double);

    private static Dictionary<string, List<object?[]>> Group(List<object?[]> rows, bool[] isExact)
    {
        var groups = new Dictionary<string, List<object?[]>>();
        var key = new StringBuilder();
        foreach (object?[] row in rows)
        {
            key.Clear();
            for (int column = 0; column < isExact.Length; column++)
                Append(key, !isExact[column] && row[column] is long or double ? Inexact : row[column]);
            ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(groups, key.ToString(), out _);
            (group ??= []).Add(row);
        }

        return groups;

        // The length in front keeps ("a", "b") and ("ab", "") apart.
        static void Append(StringBuilder key, object? cell)
        {
            _ = cell switch
            {
                null => key.Append('n'),
                long number => key.Append('i').Append(number.ToString(CultureInfo.InvariantCulture)),
                string text => key.Append('t').Append(text.Length).Append(':').Append(text),
                byte[] blob => key.Append('b').Append(Convert.ToHexString(blob)),
                _ => key.Append('#'),
            };
            key.Append(';');
        }
    }

    private static bool CanPair(List<object?[]> rows, List<object?[]> among, int columns)
    {
        var (a, b) = (Sorted(rows), Sorted(among));
        if (a.Length == b.Length && Enumerable.Range(0, a.Length).All(index => Cells.Match(a[index], b[index], columns))) return true;
        return a.Length <= MaxPathRows && b.Length <= MaxPathRows && new Pairing(a, b, columns).Exists();

        object?[][] Sorted(List<object?[]> list)
        {
            object?[][] sorted = [.. list];
            Array.Sort(sorted, (x, y) =>
            {
                for (int column = 0; column < columns; column++)
                {
                    int order = Number(x[column]).CompareTo(Number(y[column]));
                    if (order != 0) return order;
                }

                return 0;
            });
            return sorted;
        }

        static double Number(object? cell) => cell switch { long number => number, double number => number, _ => 0 };
    }

    /// <summary>A matching of all rows, by augmenting paths.</summary>
    private sealed class Pairing(object?[][] rows, object?[][] among, int columns)
    {
        private readonly int[] _rowOf = [.. Enumerable.Repeat(-1, among.Length)];
        private readonly int[] _visited = new int[among.Length];
        private int _round;

        public bool Exists()
        {
            for (int row = 0; row < rows.Length; row++)
            {
                _round++;
                if (!Place(row)) return false;
            }

            return true;
        }

        private bool Place(int row)
        {
            for (int place = 0; place < among.Length; place++)
            {
                if (_visited[place] == _round || !Cells.Match(rows[row], among[place], columns)) continue;
                _visited[place] = _round;
                if (_rowOf[place] >= 0 && !Place(_rowOf[place])) continue;
                _rowOf[place] = row;
                return true;
            }

            return false;
        }
    }
}
