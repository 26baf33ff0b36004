using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>A schema that a question is made about, with the choices of wording and style that all shapes share.</summary>
internal sealed class Scene
{
    private static readonly string[] Keywords = ["as", "by", "do", "if", "in", "is", "no", "of", "on", "or", "to", "at"];

    private readonly Schema _schema;
    private readonly Dictionary<DrawnTable, string> _aliases = [];
    private readonly int _aliasStyle;
    private readonly bool _hasResultNames;

    public Scene(Schema schema, Dice dice)
    {
        (_schema, Dice, Filters) = (schema, dice, new Filters(schema, dice));
        (_aliasStyle, _hasResultNames) = (dice.Below(3), dice.Chance(60));
        foreach (var table in schema.Tables) _aliases.Add(table, Alias(table));
    }

    public Dice Dice { get; }

    public Filters Filters { get; }

    public IReadOnlyList<DrawnTable> Tables => _schema.Tables;

    /// <summary>All foreign keys with the table that has them.</summary>
    public IEnumerable<(DrawnTable Child, DrawnColumn Key)> References =>
        Tables.SelectMany(table => table.References.Select(key => (table, key)));

    /// <summary>One of some things; null or default if there are none.</summary>
    public T? Any<T>(IEnumerable<T> things)
    {
        T[] all = [.. things];
        return all.Length == 0 ? default : Dice.Pick(all);
    }

    /// <summary>One of some wordings.</summary>
    public string Say(params string[] wordings) => Dice.Pick(wordings);

    public string Literal(object? value) => _schema.Literal(value);

    /// <summary>The condition after a plural noun.</summary>
    public static string Post(DrawnTable table, Filter filter) =>
        filter.Post.Replace("{who}", table.Who, StringComparison.Ordinal);

    /// <summary>"books that are in print".</summary>
    public static string Those(DrawnTable table, Filter? filter) =>
        filter is null ? table.Plural : $"{table.Plural} {Post(table, filter)}";

    /// <summary>The children of a parent that was named: "books written by them", "its tastings".</summary>
    public static string Own(DrawnTable child, DrawnColumn key) => key.Phrase == "of"
        ? $"{key.Parent!.Possessive} {child.Plural}"
        : $"{child.Plural} {key.Phrase} {key.Parent!.Pronoun}";

    /// <summary>A sentence that leaves out groups without rows that match a filter, as the query does; nothing without a filter.</summary>
    public static string WithoutEmpty(DrawnColumn group, DrawnTable table, Filter? filter) =>
        filter is null ? "" : $" Leave out {Many(group)} without such {table.Plural}.";

    /// <summary>" WHERE …", or nothing.</summary>
    public static string Where(Filter? filter, string qualifier = "") => filter is null ? "" : $" WHERE {filter.Sql(qualifier)}";

    /// <summary>The table in FROM of a query of several tables, with its alias.</summary>
    public string From(DrawnTable table) => _aliasStyle switch
    {
        0 => table.Name,
        1 => $"{table.Name} AS {_aliases[table]}",
        _ => $"{table.Name} {_aliases[table]}",
    };

    /// <summary>"b." or "books.".</summary>
    public string Of(DrawnTable table) => _aliasStyle == 0 ? $"{table.Name}." : $"{_aliases[table]}.";

    /// <summary>A column in a query of several tables.</summary>
    public string Of(DrawnTable table, DrawnColumn column) => Of(table) + column.Name;

    /// <summary>"loans AS l JOIN books AS b ON l.book_id = b.id".</summary>
    public string Joined(DrawnTable child, DrawnColumn key) => From(child) + Join(child, key);

    /// <summary>" JOIN books AS b ON l.book_id = b.id".</summary>
    public string Join(DrawnTable child, DrawnColumn key) =>
        $" JOIN {From(key.Parent!)} ON {Of(child, key)} = {Of(key.Parent!, key.Parent!.Key)}";

    /// <summary>"authors AS a LEFT JOIN books AS b ON …": every parent, with its children if it has any.</summary>
    public string LeftJoined(DrawnTable child, DrawnColumn key) =>
        $"{From(key.Parent!)} LEFT JOIN {From(child)} ON {Of(child, key)} = {Of(key.Parent!, key.Parent!.Key)}";

    /// <summary>" AS name" in some rows, nothing in others.</summary>
    public string As(string name) => _hasResultNames ? $" AS {name}" : "";

    /// <summary>"b.title" for the result, and "the title" for the question.</summary>
    public static string The(DrawnColumn column) => $"the {column.Noun}";

    /// <summary>"titles", "IDs".</summary>
    public static string Many(DrawnColumn column) => English.Plural(column.Noun);

    /// <summary>The label of a table and some of its other columns.</summary>
    public DrawnColumn[] Columns(DrawnTable table, int others, params IEnumerable<string> except)
    {
        string[] left = [.. except];
        var more = Dice.Shuffled(table.Others.Where(column => column is not { Kind: ColumnKind.Flag } && !left.Contains(column.Name)));
        return [table.Label, .. more.Take(others).OrderBy(column => column.Index)];
    }

    /// <summary>"the title, price and genre".</summary>
    public static string Nouns(IEnumerable<DrawnColumn> columns) => $"the {English.List([.. columns.Select(column => column.Noun)])}";

    /// <summary>"title, price, genre" for SELECT.</summary>
    public static string Names(IEnumerable<DrawnColumn> columns, string qualifier = "") =>
        string.Join(", ", columns.Select(column => qualifier + column.Name));

    /// <summary>"List", "Show" and so on.</summary>
    public string List() => Dice.Pick("List", "Show", "Give", "Return", "Find");

    /// <summary>A value of a label, and whether it is a number.</summary>
    public object LabelOf(DrawnTable table) => Dice.Pick([.. table.Values(table.Label)]);

    /// <summary>A row by its name: "the book \"Echo\"", or "the loan with ID 3".</summary>
    public static string Named(DrawnTable table, object label) => label is string text
        ? $"the {table.Singular} {Filters.Quoted(text)}"
        : string.Create(CultureInfo.InvariantCulture, $"the {table.Singular} with ID {label}");

    /// <summary>"the highest price", "the most pages", "the latest publication date".</summary>
    public static string Extreme(DrawnColumn column, bool isHighest) => column.Kind switch
    {
        ColumnKind.Count => $"the {(isHighest ? "most" : "fewest")} {column.Things}",
        ColumnKind.Date or ColumnKind.Year => $"the {(isHighest ? "latest" : "earliest")} {column.Noun}",
        _ => $"the {(isHighest ? "highest" : "lowest")} {column.Noun}",
    };

    /// <summary>"sorted by price from highest to lowest".</summary>
    public string Sorted(DrawnColumn column, bool isDescending)
    {
        if (column.Kind is ColumnKind.Date or ColumnKind.Year)
        {
            string first = isDescending ? "latest" : "earliest";
            return Say($"sorted by {column.Noun}, {first} first", $"ordered by {column.Noun} from {first} to "
                + $"{(isDescending ? "earliest" : "latest")}");
        }

        string order = isDescending ? "from highest to lowest" : "from lowest to highest";
        return Say($"sorted by {column.Noun} {order}", $"in {(isDescending ? "descending" : "ascending")} order of {column.Noun}");
    }

    private string Alias(DrawnTable table)
    {
        string initials = string.Concat(table.Spec.SqlName.Split('_').Select(word => word[0]));
        string alias = initials;
        for (int i = 2; _aliases.ContainsValue(alias) || Keywords.Contains(alias); i++)
            alias = string.Create(CultureInfo.InvariantCulture, $"{initials}{i}");
        return alias;
    }
}
