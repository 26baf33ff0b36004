using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions about a row's place among others.</summary>
internal static class WindowShapes
{
    private const string Complexity = "window functions";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("rank", Complexity, 1, Rank),
        new("rank_in_group", Complexity, 1, RankInGroup),
        new("top_of_group", Complexity, 1, TopOfGroup),
        new("running_total", Complexity, 1, RunningTotal),
        new("group_average_beside", Complexity, 1, GroupAverage),
        new("previous_or_next", Complexity, 1, Previous),
        new("share_of_total", Complexity, 1, Share),
        new("count_beside", Complexity, 1, CountBeside),
    ];

    private static Question? Rank(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        bool isHighest = scene.Dice.Chance(70);
        string first = isHighest ? "highest" : "lowest", function = scene.Dice.Pick("RANK", "ROW_NUMBER", "DENSE_RANK");
        string text = scene.Say(
            $"Rank all {table.Plural} by {column.Noun}, with rank 1 for the {first}. Show the {table.Label.Noun}, the {column.Noun} and "
            + $"the rank.",
            $"Show the {table.Label.Noun} and {column.Noun} of each {table.Singular} and the rank by {column.Noun}, where 1 is the "
                + $"{first}.");
        string over = $"{function}() OVER (ORDER BY {column.Name} {(isHighest ? "DESC" : "ASC")})";
        return new(text, $"SELECT {table.Label.Name}, {column.Name}, {over} AS position FROM {table.Name}")
        {
            Unique = [$"SELECT {column.Name} FROM {table.Name}"],
        };
    }

    private static Question? RankInGroup(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Sortable) is not { } column) return null;
        bool isHighest = scene.Dice.Chance(70);
        string first = column.Kind is ColumnKind.Date or ColumnKind.Year
            ? isHighest ? "latest" : "earliest" : isHighest ? "highest" : "lowest";
        string text = scene.Say(
            $"Within each {group.Noun}, rank the {table.Plural} by {column.Noun}, starting with 1 for the {first}. Show the "
            + $"{table.Label.Noun}, the {group.Noun} and the rank.",
            $"For every {table.Singular}, show the {table.Label.Noun}, the {group.Noun} and the rank by {column.Noun} among the "
            + $"{table.Plural} with the same {group.Noun}; rank 1 is the {first}.");
        string function = scene.Dice.Pick("RANK", "ROW_NUMBER");
        string over = $"{function}() OVER (PARTITION BY {group.Name} ORDER BY {column.Name} {(isHighest ? "DESC" : "ASC")})";
        return new(text, $"SELECT {table.Label.Name}, {group.Name}, {over} AS position FROM {table.Name}")
        {
            Wrong = [$"SELECT {table.Label.Name}, {group.Name}, "
                + $"{over.Replace($"PARTITION BY {group.Name} ", "", StringComparison.Ordinal)} "
                + $"FROM {table.Name}"],
            Unique = [$"SELECT {column.Name} FROM {table.Name}"],
        };
    }

    private static Question? TopOfGroup(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Sortable) is not { } column) return null;
        bool isHighest = scene.Dice.Chance(70);
        int count = scene.Dice.Chance(70) ? 1 : 2;
        string extreme = Scene.Extreme(column, isHighest);
        string which = count == 1 ? $"the {table.Singular} with {extreme}" : $"the two {table.Plural} with {extreme}";
        string text = scene.Say(
            $"For each {group.Noun}, find {which}. Show the {group.Noun}, the {table.Label.Noun} and the {column.Noun}.",
            $"Show the {group.Noun}, {table.Label.Noun} and {column.Noun} of {which} in each {group.Noun}.");
        string over = $"ROW_NUMBER() OVER (PARTITION BY {group.Name} ORDER BY {column.Name} {(isHighest ? "DESC" : "ASC")}) AS position";
        string columns = $"{group.Name}, {table.Label.Name}, {column.Name}";
        string end = count == 1 ? "position = 1" : string.Create(CultureInfo.InvariantCulture, $"position <= {count}");
        return new(text, $"SELECT {columns} FROM (SELECT {columns}, {over} FROM {table.Name}) AS ranked WHERE {end}")
        {
            Wrong = [$"SELECT {columns} FROM {table.Name}",
                string.Create(CultureInfo.InvariantCulture, $"SELECT {columns} FROM {table.Name} ORDER BY {column.Name} "
                    + $"{(isHighest ? "DESC" : "ASC")} LIMIT {count}")],
            Unique = [$"SELECT {column.Name} FROM {table.Name}"],
        };
    }

    private static Question? RunningTotal(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column is { Kind: ColumnKind.Date, IsNullable: false })) is not { } date
            || scene.Any(table.Numbers.Where(column => column.IsAdditive)) is not { } column)
            return null;
        string text = scene.Say(
            $"Show the {date.Noun} and {column.Noun} of each {table.Singular} and the running total of the {column.Noun} in order of "
            + $"{date.Noun}, earliest first.",
            $"List the {date.Noun} and {column.Noun} of all {table.Plural} from the earliest to the latest {date.Noun}, with the "
            + $"cumulative {column.Noun} up to that date.");
        string over = $"SUM({column.Name}) OVER (ORDER BY {date.Name}) AS running_total";
        string sql = $"SELECT {date.Name}, {column.Name}, {over} FROM {table.Name} ORDER BY {date.Name}";
        return new(text, sql) { Unique = [$"SELECT {date.Name} FROM {table.Name}"] };
    }

    private static Question? GroupAverage(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Numbers) is not { } column) return null;
        bool isDifference = scene.Dice.Chance(40);
        string text = isDifference
            ? $"For each {table.Singular}, show the {table.Label.Noun} and the difference between the {column.Noun} and the average "
                + $"{column.Noun} of the {table.Plural} with the same {group.Noun}."
            : scene.Say(
                $"Show the {table.Label.Noun}, {group.Noun} and {column.Noun} of each {table.Singular} beside the average {column.Noun} "
                + $"of all {table.Plural} with the same {group.Noun}.",
                $"List every {table.Singular} with the {table.Label.Noun}, the {group.Noun}, the {column.Noun} and the average "
                + $"{column.Noun} of that {group.Noun}.");
        string over = $"AVG({column.Name}) OVER (PARTITION BY {group.Name})";
        string sql = isDifference
            ? $"SELECT {table.Label.Name}, {column.Name} - {over} AS difference FROM {table.Name}"
            : $"SELECT {table.Label.Name}, {group.Name}, {column.Name}, {over} AS group_average FROM {table.Name}";
        return new(text, sql)
        {
            Wrong = [sql.Replace($"PARTITION BY {group.Name}", "", StringComparison.Ordinal)],
        };
    }

    private static Question? Previous(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column is { Kind: ColumnKind.Date, IsNullable: false })) is not { } date
            || scene.Any(table.Numbers) is not { } column)
            return null;
        bool isPrevious = scene.Dice.Chance(65);
        string word = isPrevious ? "previous" : "next";
        string text = scene.Say(
            $"In order of {date.Noun}, show for each {table.Singular} the {date.Noun}, the {column.Noun} and the {column.Noun} of the "
            + $"{word} {table.Singular}.",
            $"List the {date.Noun} and {column.Noun} of all {table.Plural}, earliest first, together with the {column.Noun} of the "
            + $"{table.Singular} {(isPrevious ? "before" : "after")} it.");
        string over = $"{(isPrevious ? "LAG" : "LEAD")}({column.Name}) OVER (ORDER BY {date.Name}) AS "
            + $"{word}_{column.Name.ToLowerInvariant()}";
        return new(text, $"SELECT {date.Name}, {column.Name}, {over} FROM {table.Name} ORDER BY {date.Name}")
        {
            Unique = [$"SELECT {date.Name} FROM {table.Name}"],
        };
    }

    private static Question? Share(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers.Where(column => column.IsAdditive)) is not { } column) return null;
        string text = scene.Say(
            $"What percentage of the total {column.Noun} of all {table.Plural} does each {table.Singular} account for? Show the "
            + $"{table.Label.Noun} and the percentage.",
            $"Show the {table.Label.Noun} of each {table.Singular} and its share of the total {column.Noun} in percent.");
        if (table.Spec.IsPerson) text = text.Replace(" its share", " the share", StringComparison.Ordinal);
        string share = $"100.0 * {column.Name} / SUM({column.Name}) OVER ()";
        return new(text, $"SELECT {table.Label.Name}, {share} AS percentage FROM {table.Name}");
    }

    private static Question? CountBeside(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group) return null;
        string text = scene.Say(
            $"Show the {table.Label.Noun} and {group.Noun} of each {table.Singular} and the number of {table.Plural} with that "
                + $"{group.Noun}.",
            $"For every {table.Singular}, list the {table.Label.Noun}, the {group.Noun} and how many {table.Plural} have the same "
            + $"{group.Noun}.");
        string sql = $"SELECT {table.Label.Name}, {group.Name}, COUNT(*) OVER (PARTITION BY {group.Name}) AS group_size FROM {table.Name}";
        return new(text, sql) { Varied = [$"SELECT {group.Name} FROM {table.Name}"] };
    }
}
