using System.Globalization;
using Lapidary.TextToSql.Synthesis.Shapes;

namespace Gemlet;

/// <summary>Several clauses of a query, and what they say, in notes of any order: "books with a price above 5; sorted by price from highest
/// to lowest" is FROM books WHERE price > 5 ORDER BY price DESC. A chain begins with FROM: it selects nothing, so it is no
/// query.</summary>
internal static class Chains
{
    private static readonly Func<Scene, (List<string> Notes, string Sql)?>[] Kinds = [Rows, Rows, Groups, Joined, Joined, Parents];

    /// <summary>After so many draws in vain, a schema has no chain: a single table without numbers, dates or categories, for
    /// example.</summary>
    private const int Draws = 40;

    /// <summary>Draws a chain of at least two clauses; null if the schema has none.</summary>
    public static (string[] Notes, string Sql)? Draw(Scene scene)
    {
        for (int i = 0; i < Draws; i++)
        {
            if (scene.Dice.Pick(Kinds)(scene) is { Notes.Count: > 1 } chain) return (scene.Dice.Shuffled(chain.Notes), chain.Sql);
        }

        return null;
    }

    /// <summary>Some rows of a table, in some order.</summary>
    private static (List<string>, string)? Rows(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        var first = scene.Dice.Chance(80) ? scene.Filters.Plain(table) : null;
        var second = first is not null && scene.Dice.Chance(30) ? scene.Filters.Plain(table, first.Column) : null;
        bool isAnd = scene.Dice.Chance(60);
        List<string> notes = [second is null ? Scene.Those(table, first)
            : $"{table.Plural} {table.Who} {first!.Clause} {(isAnd ? "and" : "or")} {second.Clause}"];
        string sql = $"FROM {table.Name}{Scene.Where(first)}";
        if (second is not null) sql += $" {(isAnd ? "AND" : "OR")} {second.Sql("")}";
        if (scene.Any(table.Sortable) is not { } key) return (notes, sql);
        bool isDescending = scene.Dice.Chance(55);
        notes.Add(scene.Sorted(key, isDescending));
        sql += $" ORDER BY {key.Name} {(isDescending ? "DESC" : "ASC")}";
        if (scene.Dice.Chance(60)) return (notes, sql);
        int count = scene.Dice.Between(1, 5);
        string number = count.ToString(CultureInfo.InvariantCulture);
        notes.Add(count == 1 ? "only the first" : $"the first {(scene.Dice.Chance(50) ? number : BasicShapes.Number(count))}");
        return (notes, $"{sql} LIMIT {number}");
    }

    /// <summary>Rows in groups.</summary>
    private static (List<string>, string)? Groups(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group) return null;
        var filter = scene.Dice.Chance(50) ? scene.Filters.Plain(table, group.Name) : null;
        List<string> notes = [Scene.Those(table, filter), $"for each {group.Noun}"];
        string sql = $"FROM {table.Name}{Scene.Where(filter)} GROUP BY {group.Name}";
        if (scene.Dice.Chance(45))
        {
            int least = scene.Dice.Between(1, 4);
            string number = least.ToString(CultureInfo.InvariantCulture);
            bool isMore = scene.Dice.Chance(50);
            notes.Add($"with {(isMore ? "more than" : "at least")} {number} {(least == 1 ? table.Singular : table.Plural)}");
            sql += $" HAVING COUNT(*) {(isMore ? ">" : ">=")} {number}";
        }

        if (scene.Dice.Chance(35))
        {
            bool isMost = scene.Dice.Chance(70);
            notes.Add($"{(isMost ? "most" : "fewest")} {table.Plural} first");
            sql += $" ORDER BY COUNT(*) {(isMost ? "DESC" : "ASC")}";
        }

        return (notes, sql);
    }

    /// <summary>Rows with those that they refer to.</summary>
    private static (List<string>, string)? Joined(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        List<string> notes = [];
        string sql = $"FROM {scene.Joined(child, key)}";
        if (scene.Dice.Chance(30))
        {
            object name = scene.LabelOf(parent);
            notes.Add($"{child.Plural} {key.Phrase} {Scene.Named(parent, name)}");
            sql += $" WHERE {scene.Of(parent, parent.Label)} = {scene.Literal(name)}";
        }
        else
        {
            bool isChild = scene.Dice.Chance(40);
            var filter = scene.Filters.Plain(isChild ? child : parent);
            notes.Add(isChild ? $"{Scene.Those(child, filter)}, with the {parent.Singular}"
                : $"{child.Plural} {key.Phrase} {Scene.Those(parent, filter)}");
            sql += Scene.Where(filter, scene.Of(isChild ? child : parent));
        }

        if (scene.Any(child.Sortable) is not { } sort) return (notes, sql);
        bool isDescending = scene.Dice.Chance(55);
        notes.Add(scene.Sorted(sort, isDescending));
        return (notes, $"{sql} ORDER BY {scene.Of(child, sort)} {(isDescending ? "DESC" : "ASC")}");
    }

    /// <summary>Rows that others refer to, by how many do.</summary>
    private static (List<string>, string)? Parents(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string label = scene.Of(parent, parent.Label), id = scene.Of(parent, parent.Key);
        int least = scene.Dice.Between(1, 3);
        string number = least.ToString(CultureInfo.InvariantCulture), group = $" GROUP BY {id}{(label == id ? "" : $", {label}")}";
        return scene.Dice.Chance(50)
            ? ([$"each {parent.Singular} with its {child.Plural}", $"more than {number} {(least == 1 ? child.Singular : child.Plural)}"],
                $"FROM {scene.Joined(child, key)}{group} HAVING COUNT(*) > {number}")
            : ([$"each {parent.Singular} with its {child.Plural}", $"most {child.Plural} first", "only the first"],
                $"FROM {scene.Joined(child, key)}{group} ORDER BY COUNT(*) DESC LIMIT 1");
    }
}
