using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions in two steps, with the first one in WITH.</summary>
internal static class CteShapes
{
    private const string Complexity = "CTEs";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("cte_group_averages", Complexity, 1, GroupAverages),
        new("cte_filter_then_group", Complexity, 1, FilterThenGroup),
        new("cte_counts", Complexity, 2, Counts),
        new("cte_totals", Complexity, 2, Totals),
        new("cte_average_of_top", Complexity, 1, AverageOfTop),
    ];

    private static Question? GroupAverages(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Numbers) is not { } column) return null;
        bool isAbove = scene.Dice.Chance(65);
        string word = isAbove ? "above" : "below";
        string text = scene.Say(
            $"First compute the average {column.Noun} of the {table.Plural} for each {group.Noun}. Then show each {group.Noun} and its "
            + $"average where that average is {word} the average {column.Noun} of all {table.Plural}.",
            $"Which {Scene.Many(group)} have an average {column.Noun} {word} the average {column.Noun} of all {table.Plural}? Show the "
            + $"{group.Noun} and its average.");
        string with = $"WITH averages AS (SELECT {group.Name}, AVG({column.Name}) AS average FROM {table.Name} GROUP BY {group.Name}) ";
        string select = $"{with}SELECT {group.Name}, average FROM averages";
        string all = $"(SELECT AVG({column.Name}) FROM {table.Name})";
        return new(text, $"{select} WHERE average {(isAbove ? ">" : "<")} {all}") { Wrong = [select] };
    }

    private static Question? FilterThenGroup(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Filters.Plain(table, group.Name) is not { } filter
            || scene.Any(table.Numbers.Where(column => column.Name != filter.Column)) is not { } column)
            return null;
        var (function, words) = AggregationShapes.Draw(scene, column);
        string text = scene.Say(
            $"Take only the {Scene.Those(table, filter)}. For each {group.Noun} among them, show the {group.Noun}, how many there are and "
            + $"{words}.",
            $"Among the {Scene.Those(table, filter)}, show for each {group.Noun} the {group.Noun}, the number of {table.Plural} and "
                + $"{words}.");
        string name = AggregationShapes.NameOf(function, column);
        string select = $"SELECT {group.Name}, COUNT(*) AS {table.Spec.SqlName}_count, {function}({column.Name}) AS {name} FROM ";
        string end = $" GROUP BY {group.Name}";
        return new(text, $"WITH chosen AS (SELECT * FROM {table.Name}{Scene.Where(filter)}) {select}chosen{end}")
        {
            Wrong = [select + table.Name + end],
        };
    }

    private static Question? Counts(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string counts = $"{child.Spec.SqlName}_counts";
        string with = $"WITH {counts} AS (SELECT {key.Name}, COUNT(*) AS total FROM {child.Name} GROUP BY {key.Name}) ";
        string text = scene.Say(
            $"Count the {child.Plural} of each {parent.Singular} that has any. Then show the {parent.Label.Noun} and the count of the "
            + $"{parent.Plural} whose count is above the average of these counts.",
            $"Which {parent.Plural} have more {child.Plural} than the average {parent.Singular} that has any? Show the "
            + $"{parent.Label.Noun} and the number of {child.Plural}.");
        string join = $"SELECT {scene.Of(parent, parent.Label)}, c.total FROM {scene.From(parent)} JOIN {counts} c ON "
            + $"c.{key.Name} = {scene.Of(parent, parent.Key)}";
        if (scene.Of(parent) == "c.") return null;
        return new(text, $"{with}{join} WHERE c.total > (SELECT AVG(total) FROM {counts})") { Wrong = [with + join] };
    }

    private static Question? Totals(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)
            || scene.Any(child.Numbers.Where(column => column.IsAdditive)) is not { } column || scene.Of(parent) == "t.")
            return null;
        object bound = Filters.Sorted(child.Values(column))[^1];
        string with = $"WITH totals AS (SELECT {key.Name}, SUM({column.Name}) AS total FROM {child.Name} GROUP BY {key.Name}) ";
        string number = Filters.Shown(bound) + (column.Kind == ColumnKind.Count ? "" : column.Unit);
        string text = scene.Say(
            $"Add up the {column.Noun} of the {child.Plural} for each {parent.Singular}. Show the {parent.Label.Noun} and the total "
            + $"where the total is more than {number}.",
            $"Show the {parent.Label.Noun} of each {parent.Singular} and the total {column.Noun} of its {child.Plural}, but only for "
            + $"totals above {number}.");
        if (parent.Spec.IsPerson) text = text.Replace(" its ", " their ", StringComparison.Ordinal);
        string join = $"SELECT {scene.Of(parent, parent.Label)}, t.total FROM {scene.From(parent)} JOIN totals t ON "
            + $"t.{key.Name} = {scene.Of(parent, parent.Key)}";
        return new(text, $"{with}{join} WHERE t.total > {scene.Literal(bound)}") { Wrong = [with + join] };
    }

    private static Question? AverageOfTop(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        int most = scene.Dice.Between(2, 3);
        string number = BasicShapes.Number(most), limit = most.ToString(CultureInfo.InvariantCulture);
        bool isHighest = scene.Dice.Chance(65);
        string text = scene.Say(
            $"Take the {number} {table.Plural} with {Scene.Extreme(column, isHighest)}. What is their average {column.Noun}?",
            $"What is the average {column.Noun} of the {number} {table.Plural} with {Scene.Extreme(column, isHighest)}?");
        string with = $"WITH top_rows AS (SELECT {column.Name} FROM {table.Name} ORDER BY {column.Name} {(isHighest ? "DESC" : "ASC")} "
            + $"LIMIT {limit}) ";
        return new(text, $"{with}SELECT AVG({column.Name}) FROM top_rows")
        {
            Wrong = [$"SELECT AVG({column.Name}) FROM {table.Name}"],
            Unique = [$"SELECT {column.Name} FROM {table.Name}"],
        };
    }
}
