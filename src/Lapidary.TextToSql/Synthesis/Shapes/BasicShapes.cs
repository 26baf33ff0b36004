using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions about the rows of one table.</summary>
internal static class BasicShapes
{
    public const string Complexity = "basic SQL";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("filter", Complexity, 1, scene => Filtered(scene, (table, s) => s.Filters.Plain(table))),
        new("filter_not", Complexity, 1, scene => Filtered(scene, OfCategory((table, column, s) => s.Filters.NotEqual(table, column)))),
        new("filter_in", Complexity, 1, scene => Filtered(scene, OfCategory((table, column, s) => s.Filters.OneOfTwo(table, column)))),
        new("filter_between", Complexity, 1, scene => Filtered(scene, Of(
            column => !column.IsNullable && (column.IsNumber || column.Kind is ColumnKind.Year or ColumnKind.Date),
            (table, column, s) => s.Filters.Between(table, column)))),
        new("filter_like", Complexity, 1, scene => Filtered(scene, (table, s) =>
            table.Label.Kind == ColumnKind.Label ? s.Filters.Like(table, table.Label) : null)),
        new("filter_null", Complexity, 1, scene => Filtered(scene, Of(
            column => column.IsNullable, (_, column, s) => Filters.Null(column, s.Dice.Chance(60))))),
        new("filter_date", Complexity, 1, scene => Filtered(scene, Of(
            column => column is { Kind: ColumnKind.Date, IsNullable: false }, (table, column, s) => s.Filters.PartOfDate(table, column)))),
        new("filter_and", Complexity, 1, scene => Two(scene, isAnd: true)),
        new("filter_or", Complexity, 1, scene => Two(scene, isAnd: false)),
        new("distinct", Complexity, 1, Distinct),
        new("order", Complexity, 1, Order),
        new("top", Complexity, 1, Top),
        new("extreme", Complexity, 1, Extreme),
        new("second", Complexity, 1, Second),
        new("case", Complexity, 1, Case),
        new("coalesce", Complexity, 1, Coalesce),
        new("computed", Complexity, 1, Computed),
        new("part_of_date", Complexity, 1, YearOfDate),
    ];

    private static Func<DrawnTable, Scene, Filter?> OfCategory(Func<DrawnTable, DrawnColumn, Scene, Filter?> filter) =>
        Of(column => column is { Kind: ColumnKind.Category, IsNullable: false }, filter);

    private static Func<DrawnTable, Scene, Filter?> Of(
        Func<DrawnColumn, bool> condition, Func<DrawnTable, DrawnColumn, Scene, Filter?> filter) =>
        (table, scene) => scene.Any(table.Others.Where(condition)) is { } column ? filter(table, column, scene) : null;

    private static Question? Filtered(Scene scene, Func<DrawnTable, Scene, Filter?> draw)
    {
        var table = scene.Any(scene.Tables)!;
        if (draw(table, scene) is not { } filter) return null;
        string those = Scene.Those(table, filter);
        int others = scene.Dice.Below(4) switch { 0 => 0, < 3 => 1, _ => 2 };
        var columns = scene.Columns(table, others, filter.Column);
        string select = $"SELECT {Scene.Names(columns)} FROM {table.Name}";
        string text = columns.Length == 1
            ? scene.Say(
                $"{scene.List()} the {Scene.Many(table.Label)} of all {those}.",
                $"What are the {Scene.Many(table.Label)} of the {those}?",
                $"Which {table.Plural} {filter.Clause}? {scene.List()} their {Scene.Many(table.Label)}.")
            : scene.Say(
                $"{scene.List()} {Scene.Nouns(columns)} of all {those}.",
                $"{scene.List()} {Scene.Nouns(columns)} for {those}.",
                $"For all {those}, {scene.List().ToLowerInvariant()} {Scene.Nouns(columns)}.");
        return new(text, select + Scene.Where(filter)) { Wrong = [select] };
    }

    private static Question? Two(Scene scene, bool isAnd)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Filters.Plain(table) is not { } first || scene.Filters.Plain(table, first.Column) is not { } second) return null;
        var columns = scene.Columns(table, scene.Dice.Below(3), first.Column, second.Column);
        string word = isAnd ? "and" : "or";
        string select = $"SELECT {Scene.Names(columns)} FROM {table.Name}";
        string those = $"{table.Plural} {table.Who} {first.Clause} {word} {second.Clause}";
        string text = columns.Length == 1
            ? scene.Say(
                $"{scene.List()} the {Scene.Many(table.Label)} of all {those}.",
                $"Which {table.Plural} {first.Clause} {word} {second.Clause}? {scene.List()} their {Scene.Many(table.Label)}.")
            : scene.Say($"{scene.List()} {Scene.Nouns(columns)} of all {those}.", $"For {those}, show {Scene.Nouns(columns)}.");
        return new(text, $"{select} WHERE {first.Sql("")} {(isAnd ? "AND" : "OR")} {second.Sql("")}")
        {
            Wrong = [select, select + Scene.Where(first), select + Scene.Where(second)],
        };
    }

    private static Question? Distinct(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } column) return null;
        var filter = scene.Dice.Chance(40) ? scene.Filters.Plain(table, column.Name) : null;
        string those = Scene.Those(table, filter), many = Scene.Many(column), where = Scene.Where(filter);
        string text = scene.Say(
            $"What are the different {many} of the {those}?",
            $"{scene.List()} every {column.Noun} that occurs among the {those}, without duplicates.",
            $"{scene.List()} the distinct {many} of all {those}.");
        string[] wrong = [$"SELECT {column.Name} FROM {table.Name}{where}"];
        return new(text, $"SELECT DISTINCT {column.Name} FROM {table.Name}{where}")
        {
            Wrong = filter is null ? wrong : [.. wrong, $"SELECT DISTINCT {column.Name} FROM {table.Name}"],
        };
    }

    private static Question? Order(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } key) return null;
        bool isDescending = scene.Dice.Chance(50);
        var filter = scene.Dice.Chance(60) ? scene.Filters.Plain(table, key.Name) : null;
        DrawnColumn[] columns = [table.Label, .. scene.Dice.Chance(70) ? [key] : Array.Empty<DrawnColumn>()];
        string those = Scene.Those(table, filter), order = scene.Sorted(key, isDescending);
        string text = columns.Length == 1
            ? $"{scene.List()} the {Scene.Many(table.Label)} of all {those}, {order}."
            : $"{scene.List()} {Scene.Nouns(columns)} of all {those}, {order}.";
        string select = $"SELECT {Scene.Names(columns)} FROM {table.Name}", end = $" ORDER BY {key.Name} {(isDescending ? "DESC" : "ASC")}";
        string from = $"SELECT {key.Name} FROM {table.Name}{Scene.Where(filter)}";
        return new(text, select + Scene.Where(filter) + end)
        {
            Wrong = filter is null ? [select] : [select + end, select + Scene.Where(filter)],
            Unique = [from],
            Varied = [from],
        };
    }

    private static Question? Top(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } key) return null;
        bool isHighest = scene.Dice.Chance(65);
        int count = scene.Dice.Between(2, 4);
        var filter = scene.Dice.Chance(35) ? scene.Filters.Plain(table, key.Name) : null;
        string those = Scene.Those(table, filter);
        string number = scene.Say(Number(count), count.ToString(CultureInfo.InvariantCulture));
        string order = key.Kind is ColumnKind.Date or ColumnKind.Year
            ? isHighest ? "latest first" : "earliest first"
            : isHighest ? "highest first" : "lowest first";
        bool isOfAll = filter is null;
        string group = isOfAll ? $"the {number} {table.Plural} with {Scene.Extreme(key, isHighest)}"
            : $"the {number} with {Scene.Extreme(key, isHighest)} among the {those}";
        string text = scene.Say(
            $"{scene.List()} the {table.Label.Noun} and {key.Noun} of {group}, {order}.",
            $"What are the {table.Label.Noun} and {key.Noun} of {group}? Sort them {order}.");
        string select = $"SELECT {table.Label.Name}, {key.Name} FROM {table.Name}";
        string end = $" ORDER BY {key.Name} {(isHighest ? "DESC" : "ASC")}";
        string limit = string.Create(CultureInfo.InvariantCulture, $" LIMIT {count}");
        return new(text, select + Scene.Where(filter) + end + limit)
        {
            Wrong = [select + Scene.Where(filter) + end, .. isOfAll ? Array.Empty<string>() : [select + end + limit]],
            Unique = [$"SELECT {key.Name} FROM {table.Name}{Scene.Where(filter)}"],
        };
    }

    private static Question? Extreme(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } key) return null;
        bool isHighest = scene.Dice.Chance(60);
        var filter = scene.Dice.Chance(45) ? scene.Filters.Plain(table, key.Name) : null;
        string those = Scene.Those(table, filter), extreme = Scene.Extreme(key, isHighest);
        string text = filter is null
            ? scene.Say(
                $"What is the {table.Label.Noun} of the {table.Singular} with {extreme}?",
                $"Which {table.Singular} has {extreme}? Give the {table.Label.Noun}.")
            : scene.Say(
                $"Among the {those}, what is the {table.Label.Noun} of the {table.Singular} with {extreme}?",
                $"Of all {those}, which one has {extreme}? Give the {table.Label.Noun}.");
        string select = $"SELECT {table.Label.Name} FROM {table.Name}";
        string end = $" ORDER BY {key.Name} {(isHighest ? "DESC" : "ASC")} LIMIT 1";
        return new(text, select + Scene.Where(filter) + end)
        {
            Wrong = filter is null ? [select] : [select + end, select + Scene.Where(filter)],
            Unique = [$"SELECT {key.Name} FROM {table.Name}{Scene.Where(filter)}"],
        };
    }

    private static Question? Second(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers.Where(column => column.Kind != ColumnKind.Count)) is not { } key) return null;
        bool isHighest = scene.Dice.Chance(70);
        int place = scene.Dice.Between(2, 3);
        string nth = place == 2 ? "second" : "third", word = isHighest ? "highest" : "lowest";
        string text = scene.Say(
            $"Which {table.Singular} has the {nth} {word} {key.Noun}? Show the {table.Label.Noun} and {key.Noun}.",
            $"Show the {table.Label.Noun} and {key.Noun} of the {table.Singular} with the {nth} {word} {key.Noun}.");
        string order = $"SELECT {table.Label.Name}, {key.Name} FROM {table.Name} ORDER BY {key.Name} {(isHighest ? "DESC" : "ASC")} "
            + $"LIMIT 1";
        return new(text, string.Create(CultureInfo.InvariantCulture, $"{order} OFFSET {place - 1}"))
        {
            Wrong = [order],
            Unique = [$"SELECT {key.Name} FROM {table.Name}"],
        };
    }

    private static Question? Case(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } key) return null;
        object bound = scene.Dice.Pick([.. table.Values(key)]);
        var filter = scene.Filters.Compared(key, scene.Dice.Pick(">", ">=", "<"), bound);
        var (yes, no) = key.Kind is ColumnKind.Date or ColumnKind.Year
            ? filter.Text.Contains('<', StringComparison.Ordinal) ? ("early", "late") : ("late", "early")
            : filter.Text.Contains('<', StringComparison.Ordinal) ? ("low", "high") : ("high", "low");
        string expression = $"CASE WHEN {filter.Sql("")} THEN '{yes}' ELSE '{no}' END";
        string text = scene.Say(
            $"For every {table.Singular}, show the {table.Label.Noun} and '{yes}' for {Scene.Those(table, filter)}, '{no}' for all others.",
            $"{scene.List()} the {table.Label.Noun} of each {table.Singular} next to the word '{yes}' for {Scene.Those(table, filter)} and "
            + $"'{no}' for the rest.");
        return new(text, $"SELECT {table.Label.Name}, {expression}{scene.As("level")} FROM {table.Name}")
        {
            Varied = [$"SELECT {expression} FROM {table.Name}"],
        };
    }

    private static Question? Coalesce(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column.IsNullable)) is not { } column) return null;
        string fallback = column.IsNumber ? "0" : scene.Say("'none'", "'unknown'", "'n/a'");
        string function = scene.Say("COALESCE", "IFNULL");
        string text = scene.Say(
            $"Show the {table.Label.Noun} and the {column.Noun} of every {table.Singular}, with {fallback} where there is no "
                + $"{column.Noun}.",
            $"For each {table.Singular}, list the {table.Label.Noun} and the {column.Noun}; write {fallback} if the {column.Noun} is "
                + $"missing.");
        string select = $"SELECT {table.Label.Name}, ";
        return new(text, $"{select}{function}({column.Name}, {fallback}){scene.As(column.Name)} FROM {table.Name}")
        {
            Wrong = [$"{select}{column.Name} FROM {table.Name}"],
        };
    }

    private static Question? Computed(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers.Where(column => column.Kind is ColumnKind.Large or ColumnKind.Real)) is not { } column) return null;
        int percent = scene.Dice.Pick(5, 10, 15, 20, 25);
        bool isMore = scene.Dice.Chance(50);
        string factor = ((isMore ? 100 + percent : 100 - percent) / 100m).ToString("0.##", CultureInfo.InvariantCulture);
        string change = string.Create(CultureInfo.InvariantCulture, $"{(isMore ? "increased" : "reduced")} by {percent} percent");
        string share = percent.ToString(CultureInfo.InvariantCulture);
        string text = scene.Say(
            $"Show the {table.Label.Noun} of each {table.Singular} and {table.Possessive} {column.Noun} {change}.",
            $"What would the {column.Noun} of each {table.Singular} be if it were {share}% {(isMore ? "higher" : "lower")}? Show the "
            + $"{table.Label.Noun} and the new {column.Noun}.");
        if (table.Spec.IsPerson) text = text.Replace(" its ", " their ", StringComparison.Ordinal);
        return new(text, $"SELECT {table.Label.Name}, {column.Name} * {factor}{scene.As($"new_{column.Name}")} FROM {table.Name}");
    }

    private static Question? YearOfDate(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column is { Kind: ColumnKind.Date, IsNullable: false })) is not { } column) return null;
        bool isYear = scene.Dice.Chance(60);
        string part = isYear ? "year" : "month number";
        string text = scene.Say(
            $"For each {table.Singular}, show the {table.Label.Noun} and the {part} of the {column.Noun}.",
            $"List the {table.Label.Noun} of every {table.Singular} together with the {part} of the {column.Noun}.");
        if (!isYear) text = text.TrimEnd('.') + " as two digits.";
        string value = isYear ? $"CAST(strftime('%Y', {column.Name}) AS INTEGER)" : $"strftime('%m', {column.Name})";
        string sql = $"SELECT {table.Label.Name}, {value}{scene.As(isYear ? "year" : "month")} FROM {table.Name}";
        return new(text, sql);
    }

    /// <summary>"two", "three".</summary>
    internal static string Number(int number) => number switch { 1 => "one", 2 => "two", 3 => "three", 4 => "four", _ => "five" };
}
