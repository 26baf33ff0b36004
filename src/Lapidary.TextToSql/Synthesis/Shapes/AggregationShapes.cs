using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions about numbers of rows, sums and averages of one table.</summary>
internal static class AggregationShapes
{
    private const string Complexity = "aggregation";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("count", Complexity, 1, Count),
        new("aggregate", Complexity, 1, Aggregate),
        new("two_aggregates", Complexity, 1, TwoAggregates),
        new("count_distinct", Complexity, 1, CountDistinct),
        new("count_present", Complexity, 1, CountPresent),
        new("group_count", Complexity, 1, GroupCount),
        new("group_aggregate", Complexity, 1, GroupAggregate),
        new("group_order", Complexity, 1, GroupOrder),
        new("group_having_count", Complexity, 1, HavingCount),
        new("group_having_value", Complexity, 1, HavingValue),
        new("most_or_fewest", Complexity, 1, MostCommon),
        new("count_case", Complexity, 1, CountCase),
        new("percentage", Complexity, 1, Percentage),
        new("group_by_year", Complexity, 1, ByYear),
    ];

    /// <summary>Draws a function for a column: AVG, SUM, MIN or MAX.</summary>
    public static (string Function, string Words) Draw(Scene scene, DrawnColumn column)
    {
        string function = column.IsAdditive ? scene.Dice.Pick("SUM", "SUM", "AVG", "MAX", "MIN")
            : scene.Dice.Pick("AVG", "AVG", "MAX", "MIN");
        string noun = column.Kind == ColumnKind.Count ? $"number of {column.Things}" : column.Noun;
        return (function, function switch
        {
            "SUM" => $"the total {noun}",
            "AVG" => $"the average {noun}",
            "MAX" => $"the highest {noun}",
            _ => $"the lowest {noun}",
        });
    }

    /// <summary>Name of such a result: avg_price.</summary>
    public static string NameOf(string function, DrawnColumn column) => $"{function.ToLowerInvariant()}_{column.Name}".ToLowerInvariant();

    private static Question? Count(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        Filter?[] filters = [scene.Filters.Plain(table)];
        if (filters[0] is not { } filter) return null;
        if (scene.Dice.Chance(25) && scene.Any(table.Others.Where(column => column.IsNullable)) is { } nullable)
            filter = Filters.Null(nullable, scene.Dice.Chance(60));
        string text = scene.Say(
            $"How many {table.Plural} {filter.Clause}?",
            $"Count the {Scene.Those(table, filter)}.",
            $"What is the number of {Scene.Those(table, filter)}?");
        string select = $"SELECT COUNT(*){scene.As($"{table.Spec.SqlName}_count")} FROM {table.Name}";
        return new(text, select + Scene.Where(filter)) { Wrong = [select, $"SELECT 0 FROM {table.Name} LIMIT 1"] };
    }

    private static Question? Aggregate(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        var (function, words) = Draw(scene, column);
        var filter = scene.Dice.Chance(70) ? scene.Filters.Plain(table, column.Name) : null;
        bool isRounded = function == "AVG" && scene.Dice.Chance(30);
        string text = scene.Say(
            $"What is {words} of {(filter is null ? "all" : "the")} {Scene.Those(table, filter)}?",
            $"Find {words} of all {Scene.Those(table, filter)}.",
            $"Calculate {words} across all {Scene.Those(table, filter)}.");
        if (isRounded) text = $"{text[..^1]}, rounded to 2 decimal places{text[^1]}";
        string value = isRounded ? $"ROUND(AVG({column.Name}), 2)" : $"{function}({column.Name})";
        string select = $"SELECT {value}{scene.As(NameOf(function, column))} FROM {table.Name}";
        return new(text, select + Scene.Where(filter)) { Wrong = filter is null ? [] : [select] };
    }

    private static Question? TwoAggregates(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        var filter = scene.Dice.Chance(50) ? scene.Filters.Plain(table, column.Name) : null;
        bool hasAverage = scene.Dice.Chance(50);
        string words = hasAverage ? "average and the highest" : "lowest and the highest", first = hasAverage ? "AVG" : "MIN";
        string text = scene.Say(
            $"What are the {words} {column.Noun} of all {Scene.Those(table, filter)}?",
            $"Show the {words} {column.Noun} among the {Scene.Those(table, filter)}, in this order.");
        string select = $"SELECT {first}({column.Name}){scene.As(NameOf(first, column))}, MAX({column.Name})"
            + $"{scene.As(NameOf("MAX", column))} FROM {table.Name}";
        return new(text, select + Scene.Where(filter)) { Wrong = filter is null ? [] : [select] };
    }

    private static Question? CountDistinct(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } column) return null;
        var filter = scene.Dice.Chance(40) ? scene.Filters.Plain(table, column.Name) : null;
        string text = scene.Say(
            $"How many different {Scene.Many(column)} are there among the {Scene.Those(table, filter)}?",
            $"Count the distinct {Scene.Many(column)} of all {Scene.Those(table, filter)}.");
        string end = $" FROM {table.Name}{Scene.Where(filter)}";
        return new(text, $"SELECT COUNT(DISTINCT {column.Name}){scene.As($"{column.Name}_count")}{end}")
        {
            Wrong = [$"SELECT COUNT({column.Name}){end}",
                .. filter is null ? Array.Empty<string>() : [$"SELECT COUNT(DISTINCT {column.Name}) FROM {table.Name}"]],
        };
    }

    private static Question? CountPresent(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column.IsNullable)) is not { } column) return null;
        string text = scene.Say(
            $"How many {table.Plural} are there in total, and how many of them {column.Spec!.NotNullClause}?",
            $"Show the number of all {table.Plural} and the number of those {table.Who} {column.Spec!.NotNullClause}.");
        return new(text, $"SELECT COUNT(*){scene.As("total")}, COUNT({column.Name}){scene.As($"with_{column.Name}")} FROM {table.Name}");
    }

    private static Question? GroupCount(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } column) return null;
        var filter = scene.Dice.Chance(45) ? scene.Filters.Plain(table, column.Name) : null;
        string those = Scene.Those(table, filter);
        string text = scene.Say(
            $"How many {those} are there for each {column.Noun}? Show the {column.Noun} and the count.",
            $"Show each {column.Noun} with the number of {those}.",
            $"Count the {those} per {column.Noun}; return the {column.Noun} and the number.");
        text += Scene.WithoutEmpty(column, table, filter);
        string select = $"SELECT {column.Name}, COUNT(*){scene.As($"{table.Spec.SqlName}_count")} FROM {table.Name}";
        string group = $" GROUP BY {column.Name}";
        return new(text, select + Scene.Where(filter) + group)
        {
            Wrong = filter is null ? [] : [select + group],
            Varied = [$"SELECT {column.Name} FROM {table.Name}{Scene.Where(filter)}"],
        };
    }

    private static Question? GroupAggregate(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Numbers) is not { } column) return null;
        var (function, words) = Draw(scene, column);
        var filter = scene.Dice.Chance(35) ? scene.Filters.Plain(table, group.Name, column.Name) : null;
        string those = Scene.Those(table, filter);
        string text = scene.Say(
            $"What is {words} of the {those} for each {group.Noun}? Show the {group.Noun} and the value.",
            $"For each {group.Noun}, show the {group.Noun} and {words} of the {those}.",
            $"Find {words} of {those} by {group.Noun}, and show it after the {group.Noun}.");
        text += Scene.WithoutEmpty(group, table, filter);
        string select = $"SELECT {group.Name}, {function}({column.Name}){scene.As(NameOf(function, column))} FROM {table.Name}";
        string end = $" GROUP BY {group.Name}";
        return new(text, select + Scene.Where(filter) + end)
        {
            Wrong = filter is null ? [] : [select + end],
            Varied = [$"SELECT {group.Name} FROM {table.Name}{Scene.Where(filter)}"],
        };
    }

    private static Question? GroupOrder(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group) return null;
        bool isDescending = scene.Dice.Chance(65);
        string direction = isDescending ? "DESC" : "ASC", words = isDescending ? "from highest to lowest" : "from lowest to highest";
        string value = "COUNT(*)", what = $"the number of {table.Plural}", name = $"{table.Spec.SqlName}_count";
        if (scene.Dice.Chance(60) && scene.Any(table.Numbers) is { } column)
        {
            (string function, what) = Draw(scene, column);
            (value, name) = ($"{function}({column.Name})", NameOf(function, column));
            what += $" of its {table.Plural}";
        }

        string alias = scene.As(name), key = alias.Length > 0 ? name : value;
        string text = scene.Say(
            $"For each {group.Noun}, show the {group.Noun} and {what}, sorted by that number {words}.",
            $"List every {group.Noun} with {what}, {words}.");
        string select = $"SELECT {group.Name}, {value}{alias} FROM {table.Name} GROUP BY {group.Name}";
        string keys = $"SELECT {value} FROM {table.Name} GROUP BY {group.Name}";
        return new(text, $"{select} ORDER BY {key} {direction}") { Unique = [keys], Varied = [keys] };
    }

    private static Question? HavingCount(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group) return null;
        int least = scene.Dice.Between(1, 3);
        bool isMore = scene.Dice.Chance(60);
        string number = least.ToString(CultureInfo.InvariantCulture), noun = least == 1 ? table.Singular : table.Plural;
        string text = scene.Say(
            $"Which {Scene.Many(group)} have {(isMore ? "more than" : "at least")} {number} {noun}?",
            $"{scene.List()} the {Scene.Many(group)} with {(isMore ? "more than" : "at least")} {number} {noun}.");
        string select = $"SELECT {group.Name} FROM {table.Name} GROUP BY {group.Name}";
        return new(text, $"{select} HAVING COUNT(*) {(isMore ? ">" : ">=")} {number}") { Wrong = [select] };
    }

    private static Question? HavingValue(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Numbers) is not { } column) return null;
        bool isMore = scene.Dice.Chance(60);
        object bound = table.Values(column).ElementAt(scene.Dice.Below(table.Rows.Count));
        string number = Filters.Shown(bound) + (column.Kind == ColumnKind.Count ? "" : column.Unit);
        string text = scene.Say(
            $"Which {Scene.Many(group)} have {English.A($"average {column.Noun}")} of {(isMore ? "more" : "less")} than {number} over "
            + $"their {table.Plural}? Show the {group.Noun} and the average.",
            $"Show each {group.Noun} whose {table.Plural} have an average {column.Noun} {(isMore ? "above" : "below")} {number}, "
            + $"together with that average.");
        string select = $"SELECT {group.Name}, AVG({column.Name}){scene.As(NameOf("AVG", column))} FROM {table.Name} GROUP BY {group.Name}";
        return new(text, $"{select} HAVING AVG({column.Name}) {(isMore ? ">" : "<")} {scene.Literal(bound)}") { Wrong = [select] };
    }

    private static Question? MostCommon(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group) return null;
        bool isMost = scene.Dice.Chance(75);
        string text = scene.Say(
            $"Which {group.Noun} has the {(isMost ? "most" : "fewest")} {table.Plural}?",
            $"What is the {(isMost ? "most" : "least")} common {group.Noun} among the {table.Plural}?");
        string order = isMost ? "DESC" : "ASC", grouped = $"FROM {table.Name} GROUP BY {group.Name}";
        string end = $"{grouped} ORDER BY COUNT(*) {order}";
        return new(text, $"SELECT {group.Name} {end} LIMIT 1")
        {
            Wrong = [$"SELECT {group.Name} {grouped} ORDER BY COUNT(*) {(isMost ? "ASC" : "DESC")} LIMIT 1"],
            Unique = [$"SELECT COUNT(*) {end} LIMIT 2"],
        };
    }

    private static Question? CountCase(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Filters.Plain(table, group.Name) is not { } filter) return null;
        string text = scene.Say(
            $"For each {group.Noun}, show the {group.Noun}, the number of all {table.Plural} and the number of "
                + $"{Scene.Those(table, filter)}.",
            $"Show for every {group.Noun} how many {table.Plural} it has in total and how many of them {filter.Clause}; start with the "
            + $"{group.Noun}.");
        string count = $"SUM(CASE WHEN {filter.Sql("")} THEN 1 ELSE 0 END)";
        string sql = $"SELECT {group.Name}, COUNT(*){scene.As("total")}, {count}{scene.As("matching")} FROM {table.Name} GROUP BY "
            + $"{group.Name}";
        return new(text, sql) { Varied = [$"SELECT {filter.Sql("")} FROM {table.Name}", $"SELECT {group.Name} FROM {table.Name}"] };
    }

    private static Question? Percentage(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Filters.Plain(table) is not { } filter) return null;
        string text = scene.Say(
            $"What percentage of the {table.Plural} {filter.Clause}?",
            $"Calculate the share, in percent, of {table.Plural} {table.Who} {filter.Clause}.");
        string value = $"100.0 * SUM(CASE WHEN {filter.Sql("")} THEN 1 ELSE 0 END) / COUNT(*)";
        return new(text, $"SELECT {value}{scene.As("percentage")} FROM {table.Name}")
        {
            Varied = [$"SELECT {filter.Sql("")} FROM {table.Name}"],
        };
    }

    private static Question? ByYear(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column is { Kind: ColumnKind.Date, IsNullable: false })) is not { } date) return null;
        string year = $"CAST(strftime('%Y', {date.Name}) AS INTEGER)"; // a number, as a year is
        string value = "COUNT(*)", what = $"the number of {table.Plural}", name = $"{table.Spec.SqlName}_count";
        if (scene.Dice.Chance(50) && scene.Any(table.Numbers) is { } column)
        {
            (string function, what) = Draw(scene, column);
            (value, name) = ($"{function}({column.Name})", NameOf(function, column));
            what += $" of the {table.Plural}";
        }

        string text = scene.Say(
            $"For each year of the {date.Noun}, show the year and {what}.",
            $"Show {what} per year of the {date.Noun}, with the year in the first column.");
        return new(text, $"SELECT {year}{scene.As("year")}, {value}{scene.As(name)} FROM {table.Name} GROUP BY {year}")
        {
            Varied = [$"SELECT {year} FROM {table.Name}"],
        };
    }
}
