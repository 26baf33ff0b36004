using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>Requests that change rows.</summary>
internal static class WriteShapes
{
    public static IReadOnlyList<Shape> All { get; } =
    [
        new("insert", BasicShapes.Complexity, 1, Insert),
        new("update_one", BasicShapes.Complexity, 1, UpdateOne),
        new("update_many", BasicShapes.Complexity, 1, UpdateMany),
        new("update_number", BasicShapes.Complexity, 1, UpdateNumber),
        new("delete", BasicShapes.Complexity, 1, Delete),
    ];

    private static Question? Insert(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        object?[] row = [.. scene.Dice.Pick(table.Rows)]; // values of the columns' kinds: those of a row, under a new key
        row[0] = (long)table.Rows.Count + scene.Dice.Between(1, 9);
        if (table.Label.Spec is { } label && table.Label.Kind == ColumnKind.Label)
        {
            string[] free = [.. label.Values.Where(value => !table.Values(table.Label).Contains(value))];
            row[table.Label.Index] = free.Length > 0 && label.Values.Count > 1
                ? scene.Dice.Pick(free)
                : Pools.Draw(label.Pool, label.Values.Count == 1 ? label.Values[0] : "", scene.Dice);
            if (label.Values.Count > 1 && free.Length == 0) return null;
        }

        var columns = table.Columns.Where(column => row[column.Index] is not null).ToArray();
        var parts = columns.Select(column => $"{column.Noun} {Shown(column, row[column.Index]!)}").ToArray();
        string text = scene.Say(
            $"Add {English.A(table.Singular)} with {English.List(parts)}.",
            $"Insert a new {table.Singular}: {English.List(parts)}.");
        string values = string.Join(", ", columns.Select(column => scene.Literal(row[column.Index])));
        return new(text, $"INSERT INTO {table.Name} ({Scene.Names(columns)}) VALUES ({values})") { Writes = true };
    }

    private static Question? UpdateOne(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        var free = table.Others.Where(column => column is { IsNullable: false, Kind: not ColumnKind.Flag });
        if (scene.Any(free) is not { } column) return null;
        object label = scene.LabelOf(table), value = scene.Dice.Pick([.. table.Values(column)]);
        string text = scene.Say(
            $"Change the {column.Noun} of {Scene.Named(table, label)} to {Shown(column, value)}.",
            $"Set the {column.Noun} of {Scene.Named(table, label)} to {Shown(column, value)}.");
        string sql = $"UPDATE {table.Name} SET {column.Name} = {scene.Literal(value)}";
        return new(text, $"{sql} WHERE {table.Label.Name} = {scene.Literal(label)}") { Writes = true, Wrong = [sql] };
    }

    private static Question? UpdateMany(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } column || scene.Filters.Plain(table, column.Name) is not { } filter) return null;
        string value = (string)scene.Dice.Pick([.. table.Values(column)]);
        string text = scene.Say(
            $"Set the {column.Noun} of all {Scene.Those(table, filter)} to {Filters.Quoted(value)}.",
            $"For all {Scene.Those(table, filter)}, change the {column.Noun} to {Filters.Quoted(value)}.");
        string sql = $"UPDATE {table.Name} SET {column.Name} = {scene.Literal(value)}";
        return new(text, sql + Scene.Where(filter)) { Writes = true, Wrong = [sql] };
    }

    private static Question? UpdateNumber(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column || scene.Filters.Plain(table, column.Name) is not { } filter) return null;
        bool isMore = scene.Dice.Chance(60), isPercent = column.Kind is ColumnKind.Large or ColumnKind.Real;
        int amount = isPercent ? scene.Dice.Pick(5, 10, 20, 25) : scene.Dice.Between(1, 5);
        string by = amount.ToString(CultureInfo.InvariantCulture) + (isPercent ? " percent" : "");
        string change = isPercent
            ? $"* {((isMore ? 100 + amount : 100 - amount) / 100m).ToString("0.##", CultureInfo.InvariantCulture)}"
            : string.Create(CultureInfo.InvariantCulture, $"{(isMore ? '+' : '-')} {amount}");
        string text = scene.Say(
            $"{(isMore ? "Increase" : "Reduce")} the {column.Noun} of all {Scene.Those(table, filter)} by {by}.",
            $"{(isMore ? "Raise" : "Lower")} the {column.Noun} by {by} for all {Scene.Those(table, filter)}.");
        string sql = $"UPDATE {table.Name} SET {column.Name} = {column.Name} {change}";
        return new(text, sql + Scene.Where(filter)) { Writes = true, Wrong = [sql] };
    }

    private static Question? Delete(Scene scene)
    {
        var leaves = scene.Tables.Where(table => scene.References.All(reference => reference.Key.Parent != table));
        if (scene.Any(leaves) is not { } table || scene.Filters.Plain(table) is not { } filter) return null;
        if (scene.Dice.Chance(25) && scene.Any(table.Others.Where(column => column.IsNullable)) is { } nullable)
            filter = Filters.Null(nullable, scene.Dice.Chance(60));
        string text = scene.Say($"Delete all {Scene.Those(table, filter)}.", $"Remove the {Scene.Those(table, filter)}.");
        string sql = $"DELETE FROM {table.Name}";
        return new(text, sql + Scene.Where(filter)) { Writes = true, Wrong = [sql] };
    }

    private static string Shown(DrawnColumn column, object value) => value switch
    {
        string text when column.Kind != ColumnKind.Date => Filters.Quoted(text),
        bool flag => flag ? "true" : "false",
        _ => Filters.Shown(value),
    };
}
