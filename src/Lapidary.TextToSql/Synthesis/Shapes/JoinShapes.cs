using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions about a table and one that it refers to.</summary>
internal static class JoinShapes
{
    private const string Complexity = "single join";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("join_columns", Complexity, 2, Columns),
        new("join_of_parent", Complexity, 2, OfParent),
        new("join_of_parents", Complexity, 2, OfParents),
        new("join_count_of_parent", Complexity, 2, CountOfParent),
        new("join_count_each", Complexity, 2, CountEach),
        new("join_aggregate_each", Complexity, 2, AggregateEach),
        new("join_most_children", Complexity, 2, MostChildren),
        new("join_without_children", Complexity, 2, WithoutChildren),
        new("join_having", Complexity, 2, Having),
        new("join_group_category", Complexity, 2, GroupCategory),
        new("join_order", Complexity, 2, Order),
    ];

    private static Question? Columns(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        var filter = scene.Dice.Chance(75) ? scene.Filters.Plain(child) : null;
        string those = Scene.Those(child, filter);
        string text = scene.Say(
            $"{scene.List()} the {child.Label.Noun} of all {those} together with the {parent.Label.Noun} of the {parent.Singular}.",
            $"For all {those}, show the {child.Label.Noun} and the {parent.Label.Noun} of the corresponding {parent.Singular}.",
            $"Show the {child.Label.Noun} of all {those} and, next to it, the {parent.Label.Noun} of the {parent.Singular}.");
        string select = $"SELECT {scene.Of(child, child.Label)}, {scene.Of(parent, parent.Label)} FROM {scene.Joined(child, key)}";
        return new(text, select + Scene.Where(filter, scene.Of(child))) { Wrong = filter is null ? [] : [select] };
    }

    private static Question? OfParent(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { Label.Kind: ColumnKind.Label } parent } key)) return null;
        object name = scene.LabelOf(parent);
        var more = scene.Any(child.Others.Where(column => column.Kind is not (ColumnKind.Flag or ColumnKind.Words)));
        bool hasMore = more is not null && scene.Dice.Chance(50);
        string what = hasMore ? $"the {child.Label.Noun} and {more!.Noun}" : $"the {Scene.Many(child.Label)}";
        string text = scene.Say(
            $"{scene.List()} {what} of all {child.Plural} {key.Phrase} {Named(parent, name)}.",
            $"What are {what} of the {child.Plural} {key.Phrase} {Named(parent, name)}?");
        string select = $"SELECT {scene.Of(child, child.Label)}{(hasMore ? $", {scene.Of(child, more!)}" : "")} FROM "
            + scene.Joined(child, key);
        return new(text, $"{select} WHERE {scene.Of(parent, parent.Label)} = {scene.Literal(name)}") { Wrong = [select] };
    }

    private static Question? OfParents(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Filters.Plain(parent) is not { } filter)
            return null;
        var second = scene.Dice.Chance(35) ? scene.Filters.Plain(child) : null;
        string those = second is null ? child.Plural : $"{child.Plural} {child.Who} {second.Clause} and are {key.Phrase} "
            + $"{Scene.Those(parent, filter)}";
        if (second is null) those = $"{child.Plural} {key.Phrase} {Scene.Those(parent, filter)}";
        var columns = scene.Columns(child, scene.Dice.Below(2));
        string what = columns.Length == 1 ? $"the {Scene.Many(child.Label)}" : Scene.Nouns(columns);
        string text = scene.Say($"{scene.List()} {what} of all {those}.", $"What are {what} of the {those}?");
        string select = $"SELECT {Scene.Names(columns, scene.Of(child))} FROM {scene.Joined(child, key)}";
        string first = Scene.Where(filter, scene.Of(parent));
        return new(text, select + first + (second is null ? "" : $" AND {second.Sql(scene.Of(child))}"))
        {
            Wrong = second is null ? [select] : [select, select + first, select + Scene.Where(second, scene.Of(child))],
        };
    }

    private static Question? CountOfParent(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Filters.Plain(parent) is not { } filter)
            return null;
        string those = $"{child.Plural} {key.Phrase} {Scene.Those(parent, filter)}";
        string value = "COUNT(*)", text = scene.Say($"How many {those} are there?", $"Count the {those}.", $"What is the number of "
            + $"{those}?");
        string name = $"{child.Spec.SqlName}_count";
        if (scene.Dice.Chance(55) && scene.Any(child.Numbers) is { } column)
        {
            var (function, words) = AggregationShapes.Draw(scene, column);
            (value, name) = ($"{function}({scene.Of(child, column)})", AggregationShapes.NameOf(function, column));
            text = scene.Say($"What is {words} of all {those}?", $"Find {words} of the {those}.");
        }

        string select = $"SELECT {value}{scene.As(name)} FROM {scene.Joined(child, key)}";
        return new(text, select + Scene.Where(filter, scene.Of(parent))) { Wrong = [select, "SELECT 0"] };
    }

    private static Question? CountEach(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string label = scene.Of(parent, parent.Label), id = scene.Of(parent, parent.Key);
        string group = $" GROUP BY {id}{(label == id ? "" : $", {label}")}", name = scene.As($"{child.Spec.SqlName}_count");
        string text = scene.Say(
            $"Show the {parent.Label.Noun} of every {parent.Singular} and the number of {Scene.Own(child, key)}, "
            + $"including {parent.Plural} with none.",
            $"How many {child.Plural} are there for each {parent.Singular}? Show the {parent.Label.Noun} and the count, which is 0 for "
            + $"{parent.Plural} without {child.Plural}.");
        return new(text, $"SELECT {label}, COUNT({scene.Of(child, child.Key)}){name} FROM {scene.LeftJoined(child, key)}{group}")
        {
            Wrong = [$"SELECT {label}, COUNT(*) FROM {scene.Joined(child, key)}{group}"],
        };
    }

    private static Question? AggregateEach(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Any(child.Numbers) is not { } column)
            return null;
        var (function, words) = AggregationShapes.Draw(scene, column);
        string label = scene.Of(parent, parent.Label), id = scene.Of(parent, parent.Key);
        string text = scene.Say(
            $"For each {parent.Singular} with at least one {child.Singular}, show the {parent.Label.Noun} and {words} of "
            + $"{(key.Phrase == "of" ? "" : "the ")}{Scene.Own(child, key)}.",
            $"Show the {parent.Label.Noun} of each {parent.Singular} and {words} of {parent.Possessive} {child.Plural}; leave out "
            + $"{parent.Plural} without {child.Plural}.");
        string name = scene.As(AggregationShapes.NameOf(function, column));
        string sql = $"SELECT {label}, {function}({scene.Of(child, column)}){name} FROM {scene.Joined(child, key)} GROUP BY {id}"
            + (label == id ? "" : $", {label}");
        return new(text, sql) { Varied = [$"SELECT {key.Name} FROM {child.Name}"] };
    }

    private static Question? MostChildren(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string label = scene.Of(parent, parent.Label), id = scene.Of(parent, parent.Key);
        string value = "COUNT(*)", most = $"the most {child.Plural}";
        if (scene.Dice.Chance(45) && scene.Any(child.Numbers.Where(column => column.IsAdditive)) is { } column)
            (value, most) = ($"SUM({scene.Of(child, column)})", $"the highest total {column.Noun} of {child.Plural}");
        string text = scene.Say(
            $"Which {parent.Singular} has {most}? Show the {parent.Label.Noun}.",
            $"What is the {parent.Label.Noun} of the {parent.Singular} with {most}?");
        string grouped = $"FROM {scene.Joined(child, key)} GROUP BY {id}{(label == id ? "" : $", {label}")} ORDER BY {value} ";
        return new(text, $"SELECT {label} {grouped}DESC LIMIT 1")
        {
            Wrong = [$"SELECT {label} {grouped}ASC LIMIT 1"],
            Unique = [$"SELECT {value} {grouped}DESC LIMIT 2"],
        };
    }

    private static Question? WithoutChildren(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string label = scene.Of(parent, parent.Label), from = $"SELECT {label} FROM {scene.LeftJoined(child, key)}";
        string text = scene.Say(
            $"Which {parent.Plural} have no {child.Plural}? {scene.List()} their {Scene.Many(parent.Label)}.",
            $"{scene.List()} the {Scene.Many(parent.Label)} of all {parent.Plural} without any {child.Plural}.");
        return new(text, $"{from} WHERE {scene.Of(child, child.Key)} IS NULL") { Wrong = [from] };
    }

    private static Question? Having(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        int least = scene.Dice.Between(1, 3);
        bool isMore = scene.Dice.Chance(50);
        string number = least.ToString(CultureInfo.InvariantCulture), noun = least == 1 ? child.Singular : child.Plural;
        string label = scene.Of(parent, parent.Label), id = scene.Of(parent, parent.Key);
        string count = $"{(isMore ? "more than" : "at least")} {number} {noun}";
        bool showsCount = scene.Dice.Chance(45);
        string text = scene.Say(
            $"Which {parent.Plural} have {count}? Show the {parent.Label.Noun}{(showsCount ? $" and the number of {child.Plural}" : "")}.",
            $"{scene.List()} the {(showsCount ? $"{parent.Label.Noun} and the number of {child.Plural}" : Scene.Many(parent.Label))} of "
            + $"all {parent.Plural} with {count}.");
        string select = $"SELECT {label}{(showsCount ? $", COUNT(*){scene.As($"{child.Spec.SqlName}_count")}" : "")} FROM "
            + $"{scene.Joined(child, key)} GROUP BY {id}{(label == id ? "" : $", {label}")}";
        return new(text, $"{select} HAVING COUNT(*) {(isMore ? ">" : ">=")} {number}") { Wrong = [select] };
    }

    private static Question? GroupCategory(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Any(parent.Categories) is not { } group)
            return null;
        string value = "COUNT(*)", words = $"the number of {child.Plural}", name = $"{child.Spec.SqlName}_count";
        if (scene.Dice.Chance(60) && scene.Any(child.Numbers) is { } column)
        {
            (string function, words) = AggregationShapes.Draw(scene, column);
            (value, name) = ($"{function}({scene.Of(child, column)})", AggregationShapes.NameOf(function, column));
            words += $" of the {child.Plural}";
        }

        string text = scene.Say(
            $"For each {group.Noun} of the {parent.Plural}, show the {group.Noun} and {words}.",
            $"Show {words} for each {group.Noun} of the {parent.Singular}, with the {group.Noun} first.");
        text += $" Leave out {Scene.Many(group)} without {child.Plural}.";
        string column2 = scene.Of(parent, group);
        return new(text, $"SELECT {column2}, {value}{scene.As(name)} FROM {scene.Joined(child, key)} GROUP BY {column2}")
        {
            Varied = [$"SELECT {column2} FROM {scene.Joined(child, key)}"],
        };
    }

    private static Question? Order(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Any(child.Sortable) is not { } sort)
            return null;
        bool isDescending = scene.Dice.Chance(55);
        var filter = scene.Dice.Chance(40) ? scene.Filters.Plain(parent) : null;
        string those = filter is null ? child.Plural : $"{child.Plural} {key.Phrase} {Scene.Those(parent, filter)}";
        string text = $"{scene.List()} the {child.Label.Noun} of all {those} and the {parent.Label.Noun} of the {parent.Singular}, "
            + $"{scene.Sorted(sort, isDescending)}.";
        string from = $" FROM {scene.Joined(child, key)}", where = Scene.Where(filter, scene.Of(parent));
        string select = $"SELECT {scene.Of(child, child.Label)}, {scene.Of(parent, parent.Label)}{from}";
        string order = $" ORDER BY {scene.Of(child, sort)} {(isDescending ? "DESC" : "ASC")}";
        string keys = $"SELECT {scene.Of(child, sort)}{from}{where}";
        return new(text, select + where + order)
        {
            Wrong = filter is null ? [select] : [select + order, select + where],
            Unique = [keys],
            Varied = [keys],
        };
    }

    /// <summary>A parent by its name.</summary>
    internal static string Named(DrawnTable table, object label) =>
        table.Spec.IsPerson ? $"{label}" : $"the {table.Singular} {Filters.Quoted((string)label)}";
}
