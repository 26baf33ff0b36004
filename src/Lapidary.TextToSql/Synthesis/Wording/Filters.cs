using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;

namespace Lapidary.TextToSql.Synthesis.Wording;

/// <summary>Draws conditions. Their constants are near values of the rows, so that some rows meet them and others do not.</summary>
internal sealed class Filters(Schema schema, Dice dice)
{
    /// <summary>Participles and prepositions: "are based in %" becomes "based in %".</summary>
    private static readonly string[] Short =
    [
        "in", "from", "at", "on", "of", "for", "by", "about", "based", "located", "made", "planted", "held", "run", "served", "written",
        "marked",
    ];

    /// <summary>Words after "have" that make a verb of it.</summary>
    private static readonly string[] Verbs = ["not", "been", "never", "graduated", "ended"];

    /// <summary>A plain condition on a column: a value, a comparison, yes or no.</summary>
    /// <param name="table">The table.</param>
    /// <param name="except">Columns that must not occur.</param>
    public Filter? Plain(DrawnTable table, params IEnumerable<string> except)
    {
        string[] left = [.. except];
        DrawnColumn[] columns = [.. table.Others.Where(
            column => !column.IsNullable && column.Kind != ColumnKind.Words && !left.Contains(column.Name))];
        if (columns.Length == 0) return null;
        var chosen = dice.Pick(columns);
        return chosen.Kind switch
        {
            ColumnKind.Category => Equal(table, chosen),
            ColumnKind.Flag => Flag(chosen, dice.Chance(60)),
            _ => Compare(table, chosen),
        };
    }

    /// <summary>A value of a category.</summary>
    public Filter Equal(DrawnTable table, DrawnColumn column) => Equal(column, (string)dice.Pick([.. table.Values(column)]));

    /// <inheritdoc cref="Equal(DrawnTable, DrawnColumn)"/>
    public Filter Equal(DrawnColumn column, string value)
    {
        string sql = $"{{0}}{column.Name} = {schema.Literal(value)}";
        if (column.Spec!.Clause is { } clause) return OfClause(clause.Replace("%", value, StringComparison.Ordinal), column, sql);
        string noun = column.Noun;
        return new(
            dice.Pick($"whose {noun} is {Quoted(value)}", $"with the {noun} {Quoted(value)}"), $"have the {noun} {Quoted(value)}",
            column.Name, sql);
    }

    /// <summary>Any value of a category but one.</summary>
    public Filter NotEqual(DrawnTable table, DrawnColumn column)
    {
        string value = (string)dice.Pick([.. table.Values(column)]);
        string op = dice.Pick("<>", "!=");
        return new(
            $"whose {column.Noun} is not {Quoted(value)}", $"have {English.A(column.Noun)} other than {Quoted(value)}", column.Name,
            $"{{0}}{column.Name} {op} {schema.Literal(value)}");
    }

    /// <summary>One of two values of a category; null if it has fewer.</summary>
    public Filter? OneOfTwo(DrawnTable table, DrawnColumn column)
    {
        string[] values = [.. dice.Shuffled(table.Values(column).Cast<string>().Distinct()).Take(2)];
        if (values.Length < 2) return null;
        string either = $"{Quoted(values[0])} or {Quoted(values[1])}";
        return new(
            $"whose {column.Noun} is {either}", $"have {either} as their {column.Noun}", column.Name,
            $"{{0}}{column.Name} IN ({schema.Literal(values[0])}, {schema.Literal(values[1])})");
    }

    /// <summary>A value of a flag.</summary>
    public Filter Flag(DrawnColumn column, bool value) => OfClause(
        value ? column.Spec!.Clause! : column.Spec!.NotClause!, column, $"{{0}}{column.Name} = {schema.Literal(value)}");

    /// <summary>No value, or any.</summary>
    public static Filter Null(DrawnColumn column, bool isNull) => OfClause(
        isNull ? column.Spec!.NullClause! : column.Spec!.NotNullClause!, column,
        $"{{0}}{column.Name} IS {(isNull ? "NULL" : "NOT NULL")}");

    /// <summary>A number, year or date that is larger or smaller than another.</summary>
    public Filter Compare(DrawnTable table, DrawnColumn column)
    {
        object bound = Near(dice.Pick([.. table.Values(column)]), column);
        string op = dice.Pick(">", "<", ">=", "<=");
        return Compared(column, op, bound);
    }

    /// <summary>A comparison with a value.</summary>
    public Filter Compared(DrawnColumn column, string op, object bound)
    {
        string sql = $"{{0}}{column.Name} {op} {schema.Literal(bound)}", shown = Shown(bound) + column.Unit;
        if (column.Kind == ColumnKind.Count)
        {
            string words = $"{Than(op)} {shown} {column.Things}";
            return new($"with {words}", $"have {words}", column.Name, sql);
        }

        if (column.Kind is ColumnKind.Year or ColumnKind.Date)
        {
            bool isYear = column.Kind == ColumnKind.Year;
            string when = op switch
            {
                ">" => $"after {shown}",
                "<" => $"before {shown}",
                ">=" => isYear ? $"of {shown} or later" : $"on or after {shown}",
                _ => isYear ? $"of {shown} or earlier" : $"on or before {shown}",
            };
            return With(column, when, sql);
        }

        return With(column, op switch
        {
            ">" => dice.Pick($"of more than {shown}", $"above {shown}", $"greater than {shown}"),
            "<" => dice.Pick($"of less than {shown}", $"below {shown}"),
            ">=" => $"of at least {shown}",
            _ => $"of at most {shown}",
        }, sql);
    }

    /// <summary>A range with both of its ends.</summary>
    public Filter Between(DrawnTable table, DrawnColumn column)
    {
        object[] values = Sorted(table.Values(column));
        int first = dice.Below(values.Length - 1), last = dice.Between(first + 1, values.Length - 1);
        var (low, high) = (values[first], values[last]);
        string sql = $"{{0}}{column.Name} BETWEEN {schema.Literal(low)} AND {schema.Literal(high)}";
        string range = $"between {Shown(low)} and {Shown(high)}{column.Unit}";
        if (column.Kind == ColumnKind.Count) return new($"with {range} {column.Things}", $"have {range} {column.Things}", column.Name, sql);
        return With(column, $"{range}{(column.Kind == ColumnKind.Date ? ", both included" : "")}", sql);
    }

    /// <summary>The year or month of a date.</summary>
    public Filter PartOfDate(DrawnTable table, DrawnColumn column)
    {
        string date = (string)dice.Pick([.. table.Values(column)]);
        if (dice.Chance(65))
        {
            string year = date[..4];
            string sql = dice.Chance(75)
                ? $"strftime('%Y', {{0}}{column.Name}) = '{year}'"
                : $"{{0}}{column.Name} BETWEEN '{year}-01-01' AND '{year}-12-31'";
            return With(column, $"in {year}", sql);
        }

        string month = date[5..7];
        string name = CultureInfo.InvariantCulture.DateTimeFormat.GetMonthName(int.Parse(month, CultureInfo.InvariantCulture));
        return With(column, $"in {name} of any year", $"strftime('%m', {{0}}{column.Name}) = '{month}'");
    }

    /// <summary>The beginning of a text, or a part of it.</summary>
    public Filter Like(DrawnTable table, DrawnColumn column)
    {
        string value = (string)dice.Pick([.. table.Values(column)]);
        string[] words = [.. value.Split(' ').Where(word => word.Length > 2 && word.All(char.IsLetter))];
        if (words.Length > 1 && dice.Chance(60))
        {
            string word = dice.Pick(words);
            return new(
                $"whose {column.Noun} contains \"{word}\"", $"have {English.A(column.Noun)} that contains \"{word}\"", column.Name,
                $"{{0}}{column.Name} LIKE '%{word}%'");
        }

        string start = char.IsLetter(value[0]) ? value[..1] : value[..Math.Min(2, value.Length)];
        return new(
            $"whose {column.Noun} starts with \"{start}\"", $"have {English.A(column.Noun)} that starts with \"{start}\"", column.Name,
            $"{{0}}{column.Name} LIKE '{start}%'");
    }

    /// <summary>Values in the order of SQLite.</summary>
    public static object[] Sorted(IEnumerable<object> values) =>
        [.. values.Order(Comparer<object>.Create((a, b) =>
            a is string text ? string.CompareOrdinal(text, (string)b) : ((IComparable)a).CompareTo(b)))];

    /// <summary>A number or a date in a question.</summary>
    public static string Shown(object value) => value switch
    {
        string text => text,
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>A text in a question: words that are no name stand in quotes.</summary>
    public static string Quoted(string value) => $"\"{value}\"";

    private static string Than(string op) => op switch
    {
        ">" => "more than",
        "<" => "fewer than",
        ">=" => "at least",
        _ => "at most",
    };

    private static Filter With(DrawnColumn column, string words, string sql) => new(
        $"with {English.A(column.Noun)} {words}", $"have {English.A(column.Noun)} {words}", column.Name, sql);

    /// <summary>Makes "with more than …" of "have more than …", and "that are new" of "are new".</summary>
    private static Filter OfClause(string clause, DrawnColumn column, string sql)
    {
        string[] words = clause.Split(' ', 3);
        string rest = clause[(words[0].Length + 1)..];
        string post = words[0] switch
        {
            "are" when Short.Contains(words[1]) => rest,
            "have" when words[1] == "no" => $"without {English.A(rest[3..])}",
            "have" when !Verbs.Contains(words[1]) => $"with {rest}",
            _ => $"{{who}} {clause}",
        };
        return new(post, clause, column.Name, sql);
    }

    /// <summary>A round number near a value.</summary>
    private static object Near(object value, DrawnColumn column) => value switch
    {
        decimal real when column.Spec!.High > 20 => Math.Round(real),
        long number when column.Kind is not ColumnKind.Year && number > 1000 => number / Step(number) * Step(number),
        long number when column.Kind is not ColumnKind.Year && number > 60 => number / 5 * 5,
        _ => value,
    };

    private static long Step(long number)
    {
        long step = 10;
        while (step * 100 <= number) step *= 10;
        return step;
    }
}
