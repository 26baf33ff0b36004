using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Shapes;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Gemlet;

/// <summary>Parts of a query and what they say in words, as a book about SQL has them: "a price above 5" is price > 5. None is a question,
/// and none is a query.</summary>
internal static class Fragments
{
    private static readonly Func<Scene, (string Words, string Sql)?>[] Kinds =
    [
        Condition, Condition, Condition, Condition, TwoConditions, Columns, Columns, Columns, Table, Aggregate, Aggregate, Counted, Order,
        Order, Top, Joined, Joined, Joined, ByGroup, ByParent, Having, Distinct, OfAverage, OfExtreme, NamedRow, Childless, Missing,
        ByYear, Share, Each, List, List,
    ];

    /// <summary>Draws a part.</summary>
    public static (string Words, string Sql)? Draw(Scene scene) => scene.Dice.Pick(Kinds)(scene);

    private static (string, string)? Condition(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (Filter(scene, table) is not { } filter) return null;
        string words = scene.Dice.Chance(60) ? Scene.Those(table, filter) : $"{table.Plural} {table.Who} {filter.Clause}";
        string sql = filter.Sql(scene.Dice.Chance(30) ? scene.Of(table) : "");
        return (words, scene.Dice.Chance(50) ? $"WHERE {sql}" : $"FROM {table.Name} WHERE {filter.Sql("")}");
    }

    private static Filter? Filter(Scene scene, DrawnTable table)
    {
        var (dice, filters) = (scene.Dice, scene.Filters);
        var category = scene.Any(table.Categories);
        switch (dice.Below(12))
        {
            case 0 when category is not null:
                return filters.NotEqual(table, category);
            case 1 when category is not null:
                return filters.OneOfTwo(table, category);
            case 2 when table.Label.Kind == ColumnKind.Label:
                return filters.Like(table, table.Label);
            case 3 when scene.Any(table.Others.Where(column => column.IsNullable)) is { } column:
                return Filters.Null(column, dice.Chance(60));
            case 4 when scene.Any(table.Others.Where(column => column is { Kind: ColumnKind.Date, IsNullable: false })) is { } date:
                return filters.PartOfDate(table, date);
            case 5 when scene.Any(table.Sortable) is { } sortable && table.Rows.Count > 1:
                return filters.Between(table, sortable);
            default:
                return filters.Plain(table);
        }
    }

    private static (string, string)? TwoConditions(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Filters.Plain(table) is not { } first || scene.Filters.Plain(table, first.Column) is not { } second) return null;
        bool isAnd = scene.Dice.Chance(60);
        return ($"{table.Plural} {table.Who} {first.Clause} {(isAnd ? "and" : "or")} {second.Clause}",
            $"WHERE {first.Sql("")} {(isAnd ? "AND" : "OR")} {second.Sql("")}");
    }

    private static (string, string)? Columns(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        var columns = scene.Columns(table, scene.Dice.Below(4));
        string qualifier = scene.Dice.Chance(30) ? scene.Of(table) : "";
        string of = scene.Dice.Below(3) switch { 0 => table.Plural, 1 => $"all {table.Plural}", _ => $"each {table.Singular}" };
        string what = columns.Length == 1 && scene.Dice.Chance(60) ? $"the {Scene.Many(columns[0])}" : Scene.Nouns(columns);
        return ($"{what} of {of}", Scene.Names(columns, qualifier));
    }

    private static (string, string)? Table(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        return (scene.Say(table.Plural, $"all {table.Plural}", $"each {table.Singular}", $"the {table.Plural}"),
            scene.Dice.Chance(50) ? table.Name : $"FROM {scene.From(table)}");
    }

    private static (string, string)? Aggregate(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        var (function, words) = AggregationShapes.Draw(scene, column);
        string name = AggregationShapes.NameOf(function, column);
        bool qualified = scene.Dice.Chance(30);
        return ($"{words} of the {table.Plural}", $"{function}({(qualified ? scene.Of(table) : "")}{column.Name}){scene.As(name)}");
    }

    private static (string, string)? Counted(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Dice.Chance(30) && scene.Any(table.Categories) is { } column)
            return ($"the number of different {Scene.Many(column)}", $"COUNT(DISTINCT {column.Name})");
        return (
            scene.Say($"the number of {table.Plural}", $"how many {table.Plural}"), $"COUNT(*){scene.As($"{table.Spec.SqlName}_count")}");
    }

    private static (string, string)? Order(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } column) return null;
        bool isDescending = scene.Dice.Chance(50);
        string qualifier = scene.Dice.Chance(30) ? scene.Of(table) : "";
        return (
            $"{table.Plural} {scene.Sorted(column, isDescending)}", $"ORDER BY {qualifier}{column.Name} {(isDescending ? "DESC" : "ASC")}");
    }

    private static (string, string)? Top(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } column) return null;
        bool isHighest = scene.Dice.Chance(60);
        int count = scene.Dice.Between(1, 5);
        string end = string.Create(CultureInfo.InvariantCulture, $"ORDER BY {column.Name} {(isHighest ? "DESC" : "ASC")} LIMIT {count}");
        string number = scene.Dice.Chance(50) ? BasicShapes.Number(count) : count.ToString(CultureInfo.InvariantCulture);
        string those = count == 1 ? $"the {table.Singular}" : $"the {number} {table.Plural}";
        return ($"{those} with {Scene.Extreme(column, isHighest)}", end);
    }

    private static (string, string)? Joined(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        bool isLeft = scene.Dice.Chance(25);
        string words = isLeft
            ? scene.Say(
                $"every {parent.Singular} with its {child.Plural}, if there are any",
                $"{parent.Plural}, including those without {child.Plural}")
            : scene.Say(
                $"{child.Plural} together with the {parent.Singular}", $"{child.Plural} {key.Phrase} {parent.Plural}",
                $"the {child.Plural} of each {parent.Singular}", $"{child.Plural} and the corresponding {parent.Singular}");
        if (scene.Dice.Chance(35) && !isLeft)
        {
            string qualified = $"{scene.Of(child, child.Label)}, {scene.Of(parent, parent.Label)}";
            return ($"the {child.Label.Noun} of the {child.Plural} and the {parent.Label.Noun} of the {parent.Singular}",
                $"{qualified} FROM {scene.Joined(child, key)}");
        }

        return (words, $"FROM {(isLeft ? scene.LeftJoined(child, key) : scene.Joined(child, key))}");
    }

    private static (string, string)? ByGroup(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group) return null;
        return (
            scene.Say($"for each {group.Noun}", $"for every {group.Noun} of the {table.Plural}", $"by {group.Noun}"),
            $"GROUP BY {group.Name}");
    }

    private static (string, string)? ByParent(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string label = scene.Of(parent, parent.Label), id = scene.Of(parent, parent.Key);
        return (scene.Say($"{child.Plural} for each {parent.Singular}", $"each {parent.Singular} with its {child.Plural}"),
            $"FROM {scene.Joined(child, key)} GROUP BY {id}{(label == id ? "" : $", {label}")}");
    }

    private static (string, string)? Having(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        int least = scene.Dice.Between(1, 4);
        bool isMore = scene.Dice.Chance(55);
        if (scene.Dice.Chance(40) && scene.Any(table.Numbers) is { } column)
        {
            object bound = scene.Dice.Pick([.. table.Values(column)]);
            string than = $"of {(isMore ? "more" : "less")} than {Filters.Shown(bound)}{column.Unit}";
            return (
                $"{(isMore ? "an average" : "a total")} {column.Noun} {than}",
                $"HAVING {(isMore ? "AVG" : "SUM")}({column.Name}) {(isMore ? ">" : "<")} {scene.Literal(bound)}");
        }

        string number = least.ToString(CultureInfo.InvariantCulture);
        return (
            $"with {(isMore ? "more than" : "at least")} {number} {(least == 1 ? table.Singular : table.Plural)}",
            $"HAVING COUNT(*) {(isMore ? ">" : ">=")} {number}");
    }

    private static (string, string)? Distinct(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } column) return null;
        return (scene.Say($"the different {Scene.Many(column)}", $"the distinct {Scene.Many(column)} of the {table.Plural}",
            $"every {column.Noun}, without duplicates"), $"DISTINCT {column.Name}");
    }

    private static (string, string)? OfAverage(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Numbers) is not { } column) return null;
        bool isAbove = scene.Dice.Chance(60);
        return ($"{table.Plural} whose {column.Noun} is {(isAbove ? "above" : "below")} the average of all {table.Plural}",
            $"WHERE {column.Name} {(isAbove ? ">" : "<")} (SELECT AVG({column.Name}) FROM {table.Name})");
    }

    private static (string, string)? OfExtreme(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Sortable) is not { } column) return null;
        bool isHighest = scene.Dice.Chance(60);
        return ($"every {table.Singular} that has {Scene.Extreme(column, isHighest)} of all",
            $"WHERE {column.Name} = (SELECT {(isHighest ? "MAX" : "MIN")}({column.Name}) FROM {table.Name})");
    }

    private static (string, string)? NamedRow(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        object name = scene.LabelOf(table);
        return (
            Scene.Named(table, name), $"WHERE {(scene.Dice.Chance(40) ? scene.Of(table) : "")}{table.Label.Name} = {scene.Literal(name)}");
    }

    private static (string, string)? Childless(Scene scene)
    {
        if (scene.Any(scene.References) is not ({ } child, { Parent: { } parent } key)) return null;
        string words = scene.Say($"{parent.Plural} without {child.Plural}", $"{parent.Plural} that have no {child.Plural}");
        return scene.Dice.Below(3) switch
        {
            0 => (words, $"WHERE {parent.Key.Name} NOT IN (SELECT {key.Name} FROM {child.Name})"),
            1 => (words, $"FROM {scene.LeftJoined(child, key)} WHERE {scene.Of(child, child.Key)} IS NULL"),
            _ => ($"{parent.Plural} that have {child.Plural}", $"WHERE {parent.Key.Name} IN (SELECT {key.Name} FROM {child.Name})"),
        };
    }

    private static (string, string)? Missing(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column.IsNullable)) is not { } column) return null;
        string shown = scene.Say("none", "unknown", "missing");
        return ($"the {column.Noun}, or \"{shown}\" where there is none", $"COALESCE({column.Name}, '{shown}')");
    }

    private static (string, string)? ByYear(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Others.Where(column => column is { Kind: ColumnKind.Date, IsNullable: false })) is not { } date) return null;
        string year = $"CAST(strftime('%Y', {date.Name}) AS INTEGER)";
        return scene.Dice.Chance(50) ? ($"the year of the {date.Noun}", year) : ($"for each year of the {date.Noun}", $"GROUP BY {year}");
    }

    private static (string, string)? Share(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Filters.Plain(table) is not { } filter) return null;
        return scene.Dice.Chance(50)
            ? ($"the percentage of {Scene.Those(table, filter)}", $"100.0 * SUM(CASE WHEN {filter.Sql("")} THEN 1 ELSE 0 END) / COUNT(*)")
            : ($"how many of them {filter.Clause}", $"SUM(CASE WHEN {filter.Sql("")} THEN 1 ELSE 0 END)");
    }

    private static (string, string)? Each(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        if (scene.Any(table.Categories) is not { } group || scene.Any(table.Numbers) is not { } column) return null;
        string by = $"OVER (PARTITION BY {group.Name} ORDER BY {column.Name} DESC)";
        return scene.Dice.Chance(50) ? ($"the rank by {column.Noun} within each {group.Noun}", $"RANK() {by}")
            : ($"the row number by {column.Noun} within each {group.Noun}", $"ROW_NUMBER() {by}");
    }

    /// <summary>What a query of groups selects.</summary>
    private static (string, string)? List(Scene scene)
    {
        var table = scene.Any(scene.Tables)!;
        var group = scene.Any(table.Categories) ?? table.Label;
        string value = $"COUNT(*){scene.As($"{table.Spec.SqlName}_count")}", words = $"the number of {table.Plural}";
        if (scene.Dice.Chance(60) && scene.Any(table.Numbers) is { } column)
        {
            (string function, words) = AggregationShapes.Draw(scene, column);
            value = $"{function}({column.Name}){scene.As(AggregationShapes.NameOf(function, column))}";
        }

        return ($"the {group.Noun} and {words}", $"{group.Name}, {value}");
    }
}
