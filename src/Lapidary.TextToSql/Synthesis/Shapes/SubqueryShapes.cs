using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions whose query has another one inside.</summary>
internal static class SubqueryShapes
{
    private const string Complexity = "subqueries";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("above_average", Complexity, 1, AboveAverage),
        new("equal_to_extreme", Complexity, 1, EqualToExtreme),
        new("more_than_one", Complexity, 1, MoreThanOne),
        new("above_group_average", Complexity, 1, AboveGroupAverage),
        new("difference_from_average", Complexity, 1, Difference),
        new("with_child", Complexity, 2, scene => WithChild(scene, has: true)),
        new("without_child", Complexity, 2, scene => WithChild(scene, has: false)),
        new("exists", Complexity, 2, Exists),
        new("aggregate_of_counts", Complexity, 2, AverageOfCounts),
        new("of_extreme_parent", Complexity, 2, OfExtremeParent),
    ];

    private static Question? AboveAverage(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        bool isAbove = scene.Dice.Chance(65);
        var filter = scene.Dice.Chance(30) ? scene.Filters.Plain(table, column.Name) : null;
        string word = isAbove ? "above" : "below", op = isAbove ? ">" : "<";
        bool shows = scene.Dice.Chance(50);
        DrawnColumn[] columns = shows ? [table.Label, column] : [table.Label];
        string what = shows ? Scene.Nouns(columns) : $"the {Scene.Many(table.Label)}";
        string text = scene.Say(
            $"{scene.List()} {what} of all {Scene.Those(table, filter)} whose {column.Noun} is {word} the average {column.Noun} of all "
            + $"{table.Plural}.",
            $"Which {Scene.Those(table, filter)} have {English.A(column.Noun)} {word} the average of all {table.Plural}? Show {what}.");
        string select = $"SELECT {Scene.Names(columns)} FROM {table.Name}";
        string average = $"{column.Name} {op} (SELECT AVG({column.Name}) FROM {table.Name})";
        return new(text, $"{select} WHERE {(filter is null ? "" : $"{filter.Sql("")} AND ")}{average}")
        {
            Wrong = filter is null ? [select] : [select + Scene.Where(filter), $"{select} WHERE {average}"],
        };
    }

    private static Question? EqualToExtreme(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } column) return null;
        bool isHighest = scene.Dice.Chance(60);
        string extreme = Scene.Extreme(column, isHighest);
        string text = scene.Say(
            $"{scene.List()} the {table.Label.Noun} and {column.Noun} of every {table.Singular} that has {extreme} of all.",
            $"Which {table.Plural} share {extreme}? Show the {table.Label.Noun} and the {column.Noun}.");
        string select = $"SELECT {table.Label.Name}, {column.Name} FROM {table.Name}";
        string inner = $"(SELECT {(isHighest ? "MAX" : "MIN")}({column.Name}) FROM {table.Name})";
        return new(text, $"{select} WHERE {column.Name} = {inner}") { Wrong = [select] };
    }

    private static Question? MoreThanOne(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (table.Label.Kind != ColumnKind.Label || scene.Any(table.Sortable) is not { } column) return null;
        object name = scene.LabelOf(table);
        bool isMore = scene.Dice.Chance(60);
        string comparative = column.Kind switch
        {
            ColumnKind.Count => $"{(isMore ? "more" : "fewer")} {column.Things}",
            ColumnKind.Date or ColumnKind.Year => $"{English.A($"{(isMore ? "later" : "earlier")} {column.Noun}")}",
            _ => $"{English.A($"{(isMore ? "higher" : "lower")} {column.Noun}")}",
        };
        string text = scene.Say(
            $"Which {table.Plural} have {comparative} than {JoinShapes.Named(table, name)}? {scene.List()} their "
                + $"{Scene.Many(table.Label)}.",
            $"{scene.List()} the {Scene.Many(table.Label)} of all {table.Plural} with {comparative} than {JoinShapes.Named(table, name)}.");
        string select = $"SELECT {table.Label.Name} FROM {table.Name}";
        string inner = $"(SELECT {column.Name} FROM {table.Name} WHERE {table.Label.Name} = {scene.Literal(name)})";
        return new(text, $"{select} WHERE {column.Name} {(isMore ? ">" : "<")} {inner}")
        {
            Wrong = [select],
            Unique = [$"SELECT {table.Label.Name} FROM {table.Name}"],
        };
    }

    private static Question? AboveGroupAverage(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Numbers) is not { } column) return null;
        string text = scene.Say(
            $"{scene.List()} the {table.Label.Noun}, {group.Noun} and {column.Noun} of each {table.Singular} whose {column.Noun} is "
            + $"above the average of all {table.Plural} with the same {group.Noun}.",
            $"Which {table.Plural} exceed the average {column.Noun} of their own {group.Noun}? Show the {table.Label.Noun}, the "
            + $"{group.Noun} and the {column.Noun}.");
        string inner = $"(SELECT AVG(b.{column.Name}) FROM {table.Name} b WHERE b.{group.Name} = a.{group.Name})";
        string select = $"SELECT a.{table.Label.Name}, a.{group.Name}, a.{column.Name} FROM {table.Name} a";
        return new(text, $"{select} WHERE a.{column.Name} > {inner}")
        {
            Wrong = [select, $"{select} WHERE a.{column.Name} > (SELECT AVG({column.Name}) FROM {table.Name})"],
        };
    }

    private static Question? Difference(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        string text = scene.Say(
            $"For each {table.Singular}, show the {table.Label.Noun} and the difference between the {column.Noun} and the average "
            + $"{column.Noun} of all {table.Plural}.",
            $"By how much does the {column.Noun} of each {table.Singular} differ from the average? Show the {table.Label.Noun} and the "
            + $"{column.Noun} minus the average.");
        string inner = $"(SELECT AVG({column.Name}) FROM {table.Name})";
        return new(text, $"SELECT {table.Label.Name}, {column.Name} - {inner}{scene.As("difference")} FROM {table.Name}");
    }

    private static Question? WithChild(Scene scene, bool has)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Filters.Plain(child) is not { } filter)
            return null;
        string those = Scene.Those(child, filter);
        string text = has
            ? scene.Say(
                $"{scene.List()} the {Scene.Many(parent.Label)} of all {parent.Plural} that have {those}."
                    .Replace(" that have ", $" {parent.Who} have ", StringComparison.Ordinal),
                $"Which {parent.Plural} have {those}? Show their {Scene.Many(parent.Label)}.")
            : scene.Say(
                $"{scene.List()} the {Scene.Many(parent.Label)} of all {parent.Plural} {parent.Who} have no {those}.",
                $"Which {parent.Plural} do not have any {those}? Show their {Scene.Many(parent.Label)}.");
        string select = $"SELECT {parent.Label.Name} FROM {parent.Name}", inner = $"SELECT {key.Name} FROM {child.Name}";
        string where = $" WHERE {parent.Key.Name} {(has ? "IN" : "NOT IN")} ({inner}";
        return new(text, $"{select}{where}{Scene.Where(filter)})") { Wrong = [select, $"{select}{where})"] };
    }

    private static Question? Exists(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        bool has = scene.Dice.Chance(50);
        string text = has
            ? scene.Say(
                $"{scene.List()} the {Scene.Many(parent.Label)} of all {parent.Plural} with at least one {child.Singular}.",
                $"Which {parent.Plural} have at least one {child.Singular}? Show each {parent.Label.Noun} once.")
            : scene.Say(
                $"{scene.List()} the {Scene.Many(parent.Label)} of all {parent.Plural} for which there is no {child.Singular}.",
                $"For which {parent.Plural} is there no {child.Singular}? Show the {Scene.Many(parent.Label)}.");
        string inner = $"SELECT 1 FROM {scene.From(child)} WHERE {scene.Of(child, key)} = {scene.Of(parent, parent.Key)}";
        string select = $"SELECT {scene.Of(parent, parent.Label)} FROM {scene.From(parent)}";
        return new(text, $"{select} WHERE {(has ? "" : "NOT ")}EXISTS ({inner})") { Wrong = [select] };
    }

    private static Question? AverageOfCounts(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string function = scene.Dice.Pick("AVG", "AVG", "MAX");
        string text = function == "AVG"
            ? scene.Say(
                $"What is the average number of {child.Plural} per {parent.Singular}, counting only {parent.Plural} that have any?",
                $"On average, how many {child.Plural} does {English.A(parent.Singular)} with at least one {child.Singular} have?")
            : scene.Say(
                $"What is the largest number of {child.Plural} that any {parent.Singular} has?",
                $"How many {child.Plural} does the {parent.Singular} with the most {child.Plural} have?");
        string inner = $"SELECT COUNT(*) AS n FROM {child.Name} GROUP BY {key.Name}";
        return new(text, $"SELECT {function}(n) FROM ({inner}) AS counts") { Varied = [inner] };
    }

    private static Question? OfExtremeParent(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Any(parent.Sortable) is not { } sort)
            return null;
        bool isHighest = scene.Dice.Chance(60);
        string text = scene.Say(
            $"{scene.List()} the {Scene.Many(child.Label)} of all {child.Plural} {key.Phrase} the {parent.Singular} with "
            + $"{Scene.Extreme(sort, isHighest)}.",
            $"What are the {Scene.Many(child.Label)} of the {child.Plural} {key.Phrase} the {parent.Singular} with "
            + $"{Scene.Extreme(sort, isHighest)}?");
        string inner = $"SELECT {parent.Key.Name} FROM {parent.Name} ORDER BY {sort.Name} {(isHighest ? "DESC" : "ASC")} LIMIT 1";
        string select = $"SELECT {child.Label.Name} FROM {child.Name}";
        return new(text, $"{select} WHERE {key.Name} = ({inner})")
        {
            Wrong = [select],
            Unique = [$"SELECT {sort.Name} FROM {parent.Name}"],
        };
    }
}
