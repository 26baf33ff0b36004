using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Schemas;

/// <summary>Draws the rows of a table. Labels are unique. Numbers and dates rarely repeat, so that rows can be sorted by them.</summary>
internal sealed class RowDraw(IReadOnlyList<DrawnColumn> columns, Dice dice)
{
    private const int Tries = 20, NullShare = 35, MostDaysLater = 90;

    private readonly List<HashSet<object>> _seen = [.. columns.Select(_ => new HashSet<object>())];

    /// <summary>Category values that the rows use: few, so that they share them.</summary>
    private readonly Dictionary<DrawnColumn, string[]> _shared = [];

    /// <summary>Draws rows.</summary>
    public IReadOnlyList<object?[]> Draw(int count)
    {
        var rows = new List<object?[]>(count);
        int? childless = null;
        foreach (var column in columns.Where(column => column.Kind == ColumnKind.Reference))
            if (dice.Chance(60)) childless = dice.Below(column.Parent!.Rows.Count);
        for (int i = 0; i < count; i++)
        {
            object?[] row = new object?[columns.Count];
            foreach (var column in columns) row[column.Index] = Value(column, i, row, childless);
            rows.Add(row);
        }

        foreach (var column in columns.Where(column => column.IsNullable)) HaveBoth(column, rows);
        return rows;
    }

    private object? Value(DrawnColumn column, int row, object?[] before, int? childless)
    {
        if (column.Kind == ColumnKind.Key) return (long)row + 1;
        if (column.Kind == ColumnKind.Reference)
        {
            int parents = column.Parent!.Rows.Count;
            int parent = dice.Below(parents);
            return (long)(parent == childless ? (parent + 1) % parents : parent) + 1;
        }

        if (column.IsNullable && dice.Chance(NullShare)) return null;
        object value = Draw(column, before);
        bool isUnique = column.Kind is ColumnKind.Label or ColumnKind.Date or ColumnKind.Real or ColumnKind.Large or ColumnKind.Integer
            or ColumnKind.Count or ColumnKind.Year or ColumnKind.Words;
        for (int i = 0; isUnique && i < Tries && !_seen[column.Index].Add(value); i++) value = Draw(column, before);
        return value;
    }

    private object Draw(DrawnColumn column, object?[] before)
    {
        var spec = column.Spec!;
        switch (column.Kind)
        {
            case ColumnKind.Label when spec.Values.Count > 1:
                string[] free = [.. spec.Values.Where(value => !_seen[column.Index].Contains(value))];
                return dice.Pick(free);
            case ColumnKind.Label or ColumnKind.Words:
                return spec.Values.Count > 1
                    ? dice.Pick(spec.Values)
                    : Pools.Draw(spec.Pool, spec.Values.Count > 0 ? spec.Values[0] : "", dice);
            case ColumnKind.Category:
                return dice.Pick(SharedBy(column));
            case ColumnKind.Flag:
                return dice.Chance(50);
            case ColumnKind.Date:
                return Date(column, before);
            case ColumnKind.Real:
                return Real(spec);
            case ColumnKind.Large:
                return Large(spec);
            default:
                return (long)dice.Between((int)spec.Low, (int)spec.High);
        }
    }

    private string[] SharedBy(DrawnColumn column)
    {
        if (_shared.TryGetValue(column, out string[]? values)) return values;
        var spec = column.Spec!;
        int most = dice.Between(2, 4);
        IEnumerable<string> all = spec.Values.Count > 0
            ? spec.Values
            : Enumerable.Range(0, most + 2).Select(_ => Pools.Draw(spec.Pool, "", dice)).Distinct();
        return _shared[column] = [.. dice.Shuffled(all).Take(most)];
    }

    /// <summary>A date; of a column that may be NULL after the row's other date, as what ends comes after what begins.</summary>
    private string Date(DrawnColumn column, object?[] before)
    {
        var first = new DateOnly((int)column.Spec!.Low, 1, 1);
        int days = new DateOnly((int)column.Spec.High, 12, 31).DayNumber - first.DayNumber;
        string? other = column.IsNullable
            ? columns.Take(column.Index).Where(x => x.Kind == ColumnKind.Date).Select(x => before[x.Index] as string).LastOrDefault()
            : null;
        var date = other is null
            ? first.AddDays(dice.Below(days + 1))
            : DateOnly.ParseExact(other, "yyyy-MM-dd", CultureInfo.InvariantCulture).AddDays(dice.Between(2, MostDaysLater));
        return date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    }

    private long Large(ColumnSpec spec)
    {
        double share = dice.Below(1001) / 1000.0;
        double value = spec.Low + ((spec.High - spec.Low) * share * share);
        long step = value < 2000 ? 10 : value < 20_000 ? 100 : value < 200_000 ? 1000 : value < 2_000_000 ? 10_000 : 100_000;
        return Math.Max(step, (long)(value / step) * step);
    }

    /// <summary>A decimal, which keeps its digits after the point: 12.50.</summary>
    private decimal Real(ColumnSpec spec)
    {
        int scale = spec.Decimals == 2 ? 100 : 10;
        return new(dice.Between((int)Math.Round(spec.Low * scale), (int)Math.Round(spec.High * scale)), 0, 0, false, (byte)spec.Decimals);
    }

    /// <summary>Makes sure that a column has NULL in some rows and a value in others.</summary>
    private void HaveBoth(DrawnColumn column, List<object?[]> rows)
    {
        int nulls = rows.Count(row => row[column.Index] is null);
        int row = dice.Below(rows.Count);
        if (nulls == 0) rows[row][column.Index] = null;
        else if (nulls == rows.Count) rows[row][column.Index] = Draw(column, rows[row]);
    }
}
