using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Questions that two queries answer together.</summary>
internal static class SetShapes
{
    private const string Complexity = "set operations";

    public static IReadOnlyList<Shape> All { get; } =
    [
        new("union_of_rows", Complexity, 1, UnionOfRows),
        new("union_of_extremes", Complexity, 1, Extremes),
        new("union_of_tables", Complexity, 2, UnionOfTables),
        new("values_of_both", Complexity, 1, scene => Values(scene, isBoth: true)),
        new("values_of_one", Complexity, 1, scene => Values(scene, isBoth: false)),
        new("parents_of_both", Complexity, 2, scene => Parents(scene, isBoth: true)),
        new("parents_of_one", Complexity, 2, scene => Parents(scene, isBoth: false)),
        new("keys_except", Complexity, 2, KeysExcept),
    ];

    private static Question? UnionOfRows(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Filters.Plain(table) is not { } first || scene.Filters.Plain(table, first.Column) is not { } second) return null;
        string text = scene.Say(
            $"Combine the {Scene.Many(table.Label)} of the {Scene.Those(table, first)} with those of the {Scene.Those(table, second)}, "
            + $"each {table.Label.Noun} once.",
            $"{scene.List()} every {table.Label.Noun} that belongs to the {Scene.Those(table, first)} or to the "
            + $"{Scene.Those(table, second)}, without repetition.");
        string select = $"SELECT {table.Label.Name} FROM {table.Name}";
        string one = select + Scene.Where(first), two = select + Scene.Where(second);
        return new(text, $"{one} UNION {two}") { Wrong = [one, two, select, $"{one} UNION ALL {two}"] };
    }

    private static Question? Extremes(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } key) return null;
        string text = scene.Say(
            $"Show the {table.Label.Noun} and {key.Noun} of the {table.Singular} with {Scene.Extreme(key, true)} and of the one with "
            + $"{Scene.Extreme(key, false)}.",
            $"Which {table.Plural} have {Scene.Extreme(key, true)} and {Scene.Extreme(key, false)}? Show the {table.Label.Noun} and the "
            + $"{key.Noun}.");
        string select = $"SELECT {table.Label.Name}, {key.Name} FROM {table.Name} WHERE {key.Name} =";
        string one = $"{select} (SELECT MAX({key.Name}) FROM {table.Name})", two = $"{select} (SELECT MIN({key.Name}) FROM {table.Name})";
        return new(text, $"{one} UNION {two}") { Wrong = [one, two], Unique = [$"SELECT {key.Name} FROM {table.Name}"] };
    }

    private static Question? UnionOfTables(Scene scene)
    {
        var pairs =
            from one in scene.Tables
            from a in one.Columns
            from two in scene.Tables
            from b in two.Columns
            where one != two && a.Spec is { Pool: "person" or "city" or "country" or "company" } && b.Spec?.Pool == a.Spec.Pool
                && !a.IsNullable && !b.IsNullable
            select (one, a, two, b);
        if (scene.Any(pairs) is not ({ } first, { } x, { } second, { } y)) return null;
        string thing = x.Spec!.Pool switch { "person" => "name", "company" => "company name", var pool => pool };
        bool keepsAll = scene.Dice.Chance(25);
        string one2 = Describe(first, x), two2 = Describe(second, y);
        string text = scene.Say(
            $"{scene.List()} every {thing} that occurs as {one2} or as {two2}{(keepsAll ? ", with repetitions" : ", each only once")}.",
            $"Put together the {English.Plural(thing)} that occur as {one2} and those that occur as "
                + $"{two2}{(keepsAll ? "; keep duplicates" : ", without duplicates")}.");
        string sql = $"SELECT {x.Name} FROM {first.Name} UNION{(keepsAll ? " ALL" : "")} SELECT {y.Name} FROM {second.Name}";
        string other = $"SELECT {x.Name} FROM {first.Name} UNION{(keepsAll ? "" : " ALL")} SELECT {y.Name} FROM {second.Name}";
        return new(text, sql) { Wrong = [other] };

        static string Describe(DrawnTable table, DrawnColumn column) => $"the {column.Noun} of {English.A(table.Singular)}";
    }

    private static Question? Values(Scene scene, bool isBoth)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } column || scene.Filters.Plain(table, column.Name) is not { } first
            || scene.Filters.Plain(table, column.Name, first.Column) is not { } second)
            return null;
        string text = isBoth
            ? scene.Say(
                $"Which {Scene.Many(column)} occur both among the {Scene.Those(table, first)} and among the {Scene.Those(table, second)}?",
                $"{scene.List()} each {column.Noun} that is found among the {Scene.Those(table, first)} and also among the "
                + $"{Scene.Those(table, second)}.")
            : scene.Say(
                $"Which {Scene.Many(column)} occur among the {Scene.Those(table, first)} but not among the {Scene.Those(table, second)}?",
                $"{scene.List()} each {column.Noun} that is found among the {Scene.Those(table, first)} but not among the "
                + $"{Scene.Those(table, second)}.");
        string select = $"SELECT {column.Name} FROM {table.Name}";
        string one = select + Scene.Where(first), two = select + Scene.Where(second);
        return new(text, $"{one} {(isBoth ? "INTERSECT" : "EXCEPT")} {two}")
        {
            Wrong = [one, two, $"SELECT DISTINCT {column.Name} FROM {table.Name}{Scene.Where(first)}"],
        };
    }

    private static Question? Parents(Scene scene, bool isBoth)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key) || scene.Any(child.Categories) is not { } group)
            return null;
        string[] values = [.. scene.Dice.Shuffled(child.Values(group).Cast<string>().Distinct()).Take(2)];
        if (values.Length < 2) return null;
        var (first, second) = (scene.Filters.Equal(group, values[0]), scene.Filters.Equal(group, values[1]));
        string those = $"{parent.Plural} {parent.Who} have {Scene.Those(child, first)}";
        string other = isBoth ? $"and also have {Scene.Those(child, second)}" : $"but no {Scene.Those(child, second)}";
        string text = scene.Say(
            $"{scene.List()} the {Scene.Many(parent.Label)} of all {those} {other}.",
            $"Which {parent.Plural} have {Scene.Those(child, first)} {other}? Show their {Scene.Many(parent.Label)}.");
        string query = $"SELECT {scene.Of(parent, parent.Label)} FROM {scene.Joined(child, key)}";
        string one = query + Scene.Where(first, scene.Of(child)), two = query + Scene.Where(second, scene.Of(child));
        return new(text, $"{one} {(isBoth ? "INTERSECT" : "EXCEPT")} {two}")
        {
            Wrong = [one, two, one.Replace("SELECT ", "SELECT DISTINCT ", StringComparison.Ordinal)],
            Unique = [$"SELECT {parent.Label.Name} FROM {parent.Name}"],
        };
    }

    private static Question? KeysExcept(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        var filter = scene.Dice.Chance(60) ? scene.Filters.Plain(child) : null;
        string those = filter is null ? $"any {child.Plural}" : Scene.Those(child, filter);
        string text = scene.Say(
            $"{scene.List()} the IDs of all {parent.Plural} except those {parent.Who} have {those}.",
            $"What are the IDs of the {parent.Plural} {parent.Who} have no {Scene.Those(child, filter)}?");
        string all = $"SELECT {parent.Key.Name} FROM {parent.Name}";
        return new(text, $"{all} EXCEPT SELECT {key.Name} FROM {child.Name}{Scene.Where(filter)}")
        {
            Wrong = filter is null ? [all] : [all, $"{all} EXCEPT SELECT {key.Name} FROM {child.Name}"],
        };
    }
}
