using System.Globalization;
using Lapidary.Engine;

namespace Lapidary.TextToSql.Filling;

/// <summary>Makes values for columns: by their kind, their name and what the query asks of them.</summary>
/// <param name="plan">How different they are.</param>
/// <param name="random">Where chance comes from.</param>
internal sealed class ValueMaker(FillPlan plan, StableRandom random)
{
    private static readonly string[] Words =
    [
        "Amber", "Birch", "Coral", "Delta", "Ember", "Fjord", "Grove", "Haven", "Iris", "Jade", "Karst", "Linden", "Maple", "Nova", "Onyx",
        "Pearl", "Quartz", "Ridge", "Slate", "Topaz", "Umber", "Vale", "Willow", "Xenon", "Yarrow", "Zephyr", "Aspen", "Basalt", "Cedar",
        "Dune", "Elm", "Flint", "Garnet", "Heath", "Islet", "Juniper",
    ];

    private static readonly string[] NamesOfDecimals =
        ["price", "cost", "amount", "rate", "score", "avg", "average", "percent", "gpa", "ratio", "salary", "weight", "height", "latitude"];

    private StableRandom _random = random;

    /// <summary>A number in [0, bound).</summary>
    public int Below(int bound) => _random.Below(bound);

    /// <summary>Whether a thing of this probability happens.</summary>
    public bool Chance(double probability) => _random.NextDouble() < probability;

    /// <summary>A number in [0, bound), small ones more often.</summary>
    public int Skewed(int bound)
    {
        double draw = _random.NextDouble();
        return (int)(draw * draw * bound);
    }

    /// <summary>A value.</summary>
    /// <param name="pool">What the column's values have in common with others of this name.</param>
    /// <param name="column">The column.</param>
    /// <param name="isNumeric">Whether the query takes it for a number.</param>
    /// <param name="conditions">What the query asks of it.</param>
    /// <param name="isHit">Whether the value should meet a condition.</param>
    public object Value(string pool, SchemaColumn column, bool isNumeric, List<Condition>? conditions, bool isHit)
    {
        object? value = null;
        if (conditions is { Count: > 0 })
        {
            var condition = conditions[Below(conditions.Count)];
            if (isHit && Chance(0.9)) value = Meeting(condition, column);
            else if (Chance(0.4)) value = Near(condition, column);
        }

        return Typed(value ?? Any(pool, column, isNumeric), column);
    }

    /// <summary>A value that no other has, for a key.</summary>
    /// <param name="pool">As above.</param>
    /// <param name="column">The column.</param>
    /// <param name="isNumeric">As above.</param>
    /// <param name="number">A number that no other has.</param>
    public static object Key(string pool, SchemaColumn column, bool isNumeric, int number) =>
        IsNumber(column, isNumeric) ? Typed((long)number, column)
        : column.Kind is ColumnKind.Date or ColumnKind.DateTime ? Day(number, column)
        : $"{Words[(Offset(pool) + number) % Words.Length]}{(number < Words.Length ? "" : (number / Words.Length).ToString(CultureInfo.InvariantCulture))}";

    private object Any(string pool, SchemaColumn column, bool isNumeric)
    {
        string name = column.Name.ToLowerInvariant();
        if (column.Kind == ColumnKind.Boolean) return (long)Below(2);
        if (column.Kind is ColumnKind.Date or ColumnKind.DateTime && !isNumeric) return Day(Below(plan.Range * 40), column);
        if (name.Contains("year", StringComparison.Ordinal)) return 1995L + Below(Math.Min(plan.Range, 29));
        if (!IsNumber(column, isNumeric)) return Words[(Offset(pool) + Below(plan.Words)) % Words.Length];
        long whole = 1 + Below(plan.Range);
        bool hasDecimals = column.Kind != ColumnKind.Integer && Array.Exists(NamesOfDecimals, part => name.Contains(part, StringComparison.Ordinal));
        return hasDecimals && Chance(0.5) ? whole + (Below(100) / 100.0) : whole;
    }

    /// <summary>A value for which a condition holds; null where none is known.</summary>
    private object? Meeting(Condition condition, SchemaColumn column)
    {
        object value = condition.Value;
        if (condition.Operator == "PREFIX") return Continued((string)value, column);
        if (condition.Operator == "LIKE") return Matching(value.ToString()!);
        if (AsNumber(value) is { } number)
        {
            long step = 1 + Below(3);
            return condition.Operator switch
            {
                "=" => value,
                "<" => Shifted(value, number, -step),
                ">" => Shifted(value, number, step),
                "<=" => Shifted(value, number, -(step - 1)),
                ">=" => Shifted(value, number, step - 1),
                _ => null,
            };
        }

        if (value is string date && AsDate(date) is { } day && condition.Operator is not ("=" or "!="))
            return DateText(day.AddDays((condition.Operator[0] == '<' ? -1 : 1) * (1 + Below(60))), date);
        return condition.Operator switch
        {
            "=" or "<=" or ">=" => value,
            ">" => value + "z",
            "<" when value is string { Length: > 0 } text => text[..^1],
            _ => null,
        };
    }

    /// <summary>A value close by: at the border, beside it, in other letters.</summary>
    private object? Near(Condition condition, SchemaColumn column)
    {
        object value = condition.Value;
        if (condition.Operator == "PREFIX") return Continued((string)value, column);
        if (condition.Operator == "LIKE") return value.ToString()!.Trim('%', '_') is { Length: > 1 } part ? part[..^1] : null;
        if (AsNumber(value) is { } number)
            return Below(4) is var choice && choice < 2 ? value : Shifted(value, number, choice == 2 ? 1 : -1);
        if (value is not string text) return null;
        if (AsDate(text) is { } day) return DateText(day.AddDays(Below(3) - 1), text);
        return Below(4) switch
        {
            0 => text.ToUpperInvariant(),
            1 => text.ToLowerInvariant(),
            2 => text + " " + Words[Below(plan.Words)],
            _ => text,
        };
    }

    private static string Day(int number, SchemaColumn column) => DateText(
        new DateTime(2015, 1, 1).AddDays(number % 3280).AddMinutes(column.Kind == ColumnKind.DateTime ? number * 37 % 1440 : 0),
        column.Kind == ColumnKind.DateTime ? "0000-00-00 00:00:00" : "0000-00-00");

    /// <summary>A text that a part of which was compared: a year with a month and a day behind it.</summary>
    private string Continued(string start, SchemaColumn column) => start.Length == 4 && start.All(char.IsAsciiDigit)
        ? $"{start}-{1 + Below(12):00}-{1 + Below(28):00}" : start + Words[(Offset(column.Name) + Below(plan.Words)) % Words.Length];

    private string Matching(string pattern) => pattern
        .Replace("%", Chance(0.5) ? "" : Words[Below(plan.Words)].ToLowerInvariant(), StringComparison.Ordinal).Replace('_', 'e');

    /// <summary>The value as the column stores it, so that what is compared is what was meant.</summary>
    private static object Typed(object value, SchemaColumn column) => value switch
    {
        string text when column.Kind is ColumnKind.Integer or ColumnKind.Number or ColumnKind.Boolean && AsNumber(text) is { } number => number,
        long or double when column.Kind is ColumnKind.Text or ColumnKind.Date or ColumnKind.DateTime =>
            Convert.ToString(value, CultureInfo.InvariantCulture)!,
        _ => value,
    };

    private static bool IsNumber(SchemaColumn column, bool isNumeric) =>
        isNumeric || column.Kind is ColumnKind.Integer or ColumnKind.Number or ColumnKind.Boolean;

    private static object? AsNumber(object value) => value switch
    {
        long or double => value,
        string text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) => whole,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) => number,
        _ => null,
    };

    private static object Shifted(object value, object number, long by)
    {
        object shifted = number is long whole ? unchecked(whole + by) : (double)number + (by * ((double)number == Math.Truncate((double)number) ? 1 : 0.1));
        return value is string ? Convert.ToString(shifted, CultureInfo.InvariantCulture)! : shifted;
    }

    private static DateTime? AsDate(string text) => text.Length >= 8 && DateTime.TryParseExact(
        text, ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyy/MM/dd"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day : null;

    private static string DateText(DateTime day, string like) => day.ToString(
        like.Length > 10 ? "yyyy-MM-dd HH:mm:ss" : like.Contains('/') ? "yyyy/MM/dd" : "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static int Offset(string pool)
    {
        int hash = 17;
        foreach (char c in pool) hash = unchecked((hash * 31) + char.ToLowerInvariant(c));
        return (int)((uint)hash % (uint)Words.Length);
    }
}
