using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions about three related tables.</summary>
internal static class MultiJoinShapes
{
    private const string Complexity = "multiple_joins";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("chain_of", Complexity, 3, ChainOf),
        new("chain_of_those", Complexity, 3, ChainOfThose),
        new("chain_each", Complexity, 3, ChainEach),
        new("chain_columns", Complexity, 3, ChainColumns),
        new("two_parents", Complexity, 3, TwoParents),
        new("across", Complexity, 3, Across),
        new("across_count", Complexity, 3, AcrossCount),
    ];

    /// <summary>A table, one that it refers to, and one that this refers to.</summary>
    private static (DrawnTable Child, DrawnColumn Key, DrawnTable Middle, DrawnColumn Next, DrawnTable Top)? Chain(Scene scene)
    {
        var chains =
            from first in scene.References
            from second in scene.References
            where first.Key.Parent == second.Child
            select (first.Child, first.Key, second.Child, second.Key, second.Key.Parent!);
        return scene.Any(chains.Select(chain => ((DrawnTable, DrawnColumn, DrawnTable, DrawnColumn, DrawnTable)?)chain));
    }

    /// <summary>A table with two that it refers to.</summary>
    private static (DrawnTable Child, DrawnColumn First, DrawnColumn Second)? Fork(Scene scene)
    {
        var forks =
            from table in scene.Tables
            from first in table.References
            from second in table.References
            where first != second
            select (table, first, second);
        return scene.Any(forks.Select(fork => ((DrawnTable, DrawnColumn, DrawnColumn)?)fork));
    }

    private static string From(Scene scene, DrawnTable child, DrawnColumn key, DrawnTable middle, DrawnColumn next) =>
        scene.Joined(child, key) + scene.Join(middle, next);

    private static Question? ChainOf(Scene scene)
    {
        if (Chain(scene) is not var (child, key, middle, next, top) || top.Label.Kind != ColumnKind.Label) return null;
        object name = scene.LabelOf(top);
        string those = $"{child.Plural} {key.Phrase} {middle.Plural} {next.Phrase} {JoinShapes.Named(top, name)}";
        bool counts = scene.Dice.Chance(35);
        var columns = scene.Columns(child, scene.Dice.Below(2));
        string what = columns.Length == 1 ? $"the {Scene.Many(child.Label)}" : Scene.Nouns(columns);
        string text = counts
            ? scene.Say($"How many {those} are there?", $"Count the {those}.")
            : scene.Say($"{scene.List()} {what} of all {those}.", $"What are {what} of the {those}?");
        string select = counts ? "COUNT(*)" : Scene.Names(columns, scene.Of(child));
        string query = $"SELECT {select} FROM {From(scene, child, key, middle, next)}";
        return new(text, $"{query} WHERE {scene.Of(top, top.Label)} = {scene.Literal(name)}") { Wrong = [query, "SELECT 0"] };
    }

    private static Question? ChainOfThose(Scene scene)
    {
        if (Chain(scene) is not var (child, key, middle, next, top) || scene.Filters.Plain(top) is not { } filter) return null;
        string those = $"{child.Plural} {key.Phrase} {middle.Plural} {next.Phrase} {Scene.Those(top, filter)}";
        string select = scene.Of(child, child.Label), text = scene.Say(
            $"{scene.List()} the {Scene.Many(child.Label)} of all {those}.", $"What are the {Scene.Many(child.Label)} of the {those}?");
        if (scene.Dice.Chance(45) && scene.Any(child.Numbers) is { } column)
        {
            var (function, words) = AggregationShapes.Draw(scene, column);
            select = $"{function}({scene.Of(child, column)}){scene.As(AggregationShapes.NameOf(function, column))}";
            text = scene.Say($"What is {words} of the {those}?", $"Find {words} of all {those}.");
        }

        string query = $"SELECT {select} FROM {From(scene, child, key, middle, next)}";
        return new(text, query + Scene.Where(filter, scene.Of(top))) { Wrong = [query] };
    }

    private static Question? ChainEach(Scene scene)
    {
        if (Chain(scene) is not var (child, key, middle, next, top)) return null;
        string label = scene.Of(top, top.Label), id = scene.Of(top, top.Key);
        string value = "COUNT(*)", words = $"the number of {child.Plural}", name = $"{child.Spec.SqlName}_count";
        if (scene.Dice.Chance(55) && scene.Any(child.Numbers) is { } column)
        {
            (string function, words) = AggregationShapes.Draw(scene, column);
            (value, name) = ($"{function}({scene.Of(child, column)})", AggregationShapes.NameOf(function, column));
            words += $" of the {child.Plural}";
        }

        string text = scene.Say(
            $"For each {top.Singular}, show the {top.Label.Noun} and {words} {key.Phrase} {Scene.Own(middle, next)}; "
            + $"leave out {top.Plural} without any.",
            $"Show the {top.Label.Noun} of each {top.Singular} and {words} {key.Phrase} {Scene.Own(middle, next)}, "
            + $"only for {top.Plural} that have such {child.Plural}.");
        string sql = $"SELECT {label}, {value}{scene.As(name)} FROM {From(scene, child, key, middle, next)} GROUP BY {id}"
            + (label == id ? "" : $", {label}");
        return new(text, sql) { Varied = [$"SELECT {id} FROM {From(scene, child, key, middle, next)}"] };
    }

    private static Question? ChainColumns(Scene scene)
    {
        if (Chain(scene) is not var (child, key, middle, next, top)) return null;
        var filter = scene.Dice.Chance(80) ? scene.Filters.Plain(child) : null;
        string text = $"{scene.List()} the {child.Label.Noun} of all {Scene.Those(child, filter)}, the {middle.Label.Noun} of the "
            + $"{middle.Singular} and the {top.Label.Noun} of the {top.Singular}.";
        string query = $"SELECT {scene.Of(child, child.Label)}, {scene.Of(middle, middle.Label)}, {scene.Of(top, top.Label)} FROM "
            + From(scene, child, key, middle, next);
        return new(text, query + Scene.Where(filter, scene.Of(child))) { Wrong = filter is null ? [] : [query] };
    }

    private static Question? TwoParents(Scene scene)
    {
        if (Fork(scene) is not var (child, first, second)) return null;
        var (one, two) = (first.Parent!, second.Parent!);
        bool isOfChild = scene.Dice.Chance(60);
        var filter = scene.Dice.Chance(75) ? scene.Filters.Plain(isOfChild ? child : one) : null;
        string those = isOfChild || filter is null
            ? Scene.Those(child, filter)
            : $"{child.Plural} {first.Phrase} {Scene.Those(one, filter)}";
        string text = scene.Say(
            $"For all {those}, show the {child.Label.Noun}, the {one.Label.Noun} of the {one.Singular} and the {two.Label.Noun} of the "
            + $"{two.Singular}.",
            $"{scene.List()} the {child.Label.Noun} of all {those} with the {one.Label.Noun} of the {one.Singular} and the "
            + $"{two.Label.Noun} of the {two.Singular}.");
        string query = $"SELECT {scene.Of(child, child.Label)}, {scene.Of(one, one.Label)}, {scene.Of(two, two.Label)} FROM "
            + scene.Joined(child, first) + scene.Join(child, second);
        return new(text, query + Scene.Where(filter, scene.Of(isOfChild ? child : one))) { Wrong = filter is null ? [] : [query] };
    }

    private static Question? Across(Scene scene)
    {
        if (Fork(scene) is not var (child, first, second) || second.Parent is not { Label.Kind: ColumnKind.Label } two) return null;
        var one = first.Parent!;
        object name = scene.LabelOf(two);
        string text = scene.Say(
            $"Which {one.Plural} have at least one {child.Singular} {second.Phrase} {JoinShapes.Named(two, name)}? {scene.List()} each "
            + $"{one.Label.Noun} once.",
            $"{scene.List()} the distinct {Scene.Many(one.Label)} of the {one.Plural} with {child.Plural} {second.Phrase} "
            + $"{JoinShapes.Named(two, name)}.");
        string from = $"SELECT DISTINCT {scene.Of(one, one.Label)} FROM {scene.Joined(child, first)}{scene.Join(child, second)}";
        return new(text, $"{from} WHERE {scene.Of(two, two.Label)} = {scene.Literal(name)}") { Wrong = [from] };
    }

    private static Question? AcrossCount(Scene scene)
    {
        if (Fork(scene) is not var (child, first, second) || scene.Filters.Plain(second.Parent!) is not { } filter) return null;
        var (one, two) = (first.Parent!, second.Parent!);
        string label = scene.Of(one, one.Label), id = scene.Of(one, one.Key);
        string text = scene.Say(
            $"For each {one.Singular}, count the {child.Plural} {second.Phrase} {Scene.Those(two, filter)}. Show the {one.Label.Noun} "
            + $"and the count, only for {one.Plural} with at least one.",
            $"Show the {one.Label.Noun} of each {one.Singular} {one.Who} has {child.Plural} {second.Phrase} {Scene.Those(two, filter)}, "
            + $"and the number of them.");
        string query = $"SELECT {label}, COUNT(*){scene.As($"{child.Spec.SqlName}_count")} FROM {scene.Joined(child, first)}"
            + scene.Join(child, second);
        string group = $" GROUP BY {id}{(label == id ? "" : $", {label}")}";
        return new(text, query + Scene.Where(filter, scene.Of(two)) + group) { Wrong = [query + group] };
    }
}
