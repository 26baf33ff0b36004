using Lapidary.TextToSql.Synthesis.Domains;

namespace Gemlet;

/// <summary>Draws a world: a domain of a few tables that belong together, with columns, names, values and wordings, all at random. It has
/// the form of a domain of the generator, so that schemas, questions and queries are drawn from it as from those.</summary>
internal sealed class WorldDraw(Dice dice)
{
    private const int Invented = 22;

    /// <summary>Words for what names a row, in questions, and the ends of the columns' names.</summary>
    private static readonly (string Noun, string[] Ends)[] LabelNouns =
    [
        ("name", ["name", "label", "word"]), ("name", ["name", "title"]), ("title", ["title", "name"]),
        ("code", ["code", "number", "id_code"]), ("site", ["site", "place"]),
    ];

    private readonly HashSet<string> _tables = [];

    /// <summary>Draws a world.</summary>
    public DomainSpec Draw()
    {
        var tables = new List<TableSpec>();
        int count = dice.Between(2, 4);
        for (int i = 0; i < count; i++) tables.Add(Table(tables));
        return new("world", "A world.", false, tables);
    }

    private TableSpec Table(List<TableSpec> before)
    {
        bool isPerson = dice.Chance(25);
        string singular;
        do singular = Thing(isPerson);
        while (!_tables.Add(singular));
        string id = singular.Replace(' ', '_');
        List<ParentSpec> parents = [];
        foreach (var parent in before)
        {
            if (parents.Count < 2 && dice.Chance(before.Count == 1 ? 90 : 60)) parents.Add(new(parent.Id, dice.Pick(WordLists.Phrases)));
        }

        if (parents.Count == 0 && before.Count > 0) parents.Add(new(dice.Pick(before).Id, dice.Pick(WordLists.Phrases)));
        List<ColumnSpec> columns = [];
        HashSet<string> taken = [];
        if (parents.Count == 0 || dice.Chance(60)) columns.Add(Label(singular, isPerson, taken));
        for (int i = dice.Between(3, 5); i > 0; i--)
        {
            var column = Column(singular);
            if (taken.Add(column.Names[0]) && column.Names.Skip(1).All(taken.Add)) columns.Add(column);
        }

        string sqlName = dice.Chance(6) ? $"{dice.Pick(WordLists.Modifiers)}_{id}" : id;
        return new(id, singular, English.Plural(singular), isPerson, sqlName, parents, columns);
    }

    /// <summary>"bridge", "silver bridge", "brastel".</summary>
    private string Thing(bool isPerson)
    {
        string noun = WordLists.Some(isPerson ? WordLists.Persons : WordLists.Things, Invented, dice);
        return dice.Chance(35) ? $"{WordLists.Some(WordLists.Modifiers, Invented, dice)} {noun}" : noun;
    }

    private ColumnSpec Label(string table, bool isPerson, HashSet<string> taken)
    {
        var (noun, ends) = isPerson ? LabelNouns[0] : dice.Pick(LabelNouns);
        string own = table.Split(' ')[^1];
        string[] names = dice.Below(5) switch
        {
            0 => [noun],
            1 => [$"{own}_{dice.Pick(ends)}", noun],
            2 => [$"{own}_{dice.Pick(ends)}", $"{dice.Pick(WordLists.Modifiers)}_{dice.Pick(ends)}"],
            3 => [noun, $"{dice.Pick("full", "short", "public", "given")}_{dice.Pick(ends)}"],
            _ => [WordLists.Some(isPerson ? WordLists.Persons : WordLists.Things, 50, dice), $"{own}_{noun}"],
        };
        foreach (string name in names) taken.Add(name);
        if (noun is "code")
        {
            string pattern = $"{Initials()} {new string('#', dice.Between(2, 4))}";
            return Spec(names, ColumnKind.Label, $"{own} {noun}", "code", [pattern]);
        }

        if (isPerson) return Spec(names, ColumnKind.Label, noun, "person", []);
        string pool = dice.Below(6) switch { 0 => "company", 1 => "person", _ => "" };
        string[] values = pool.Length > 0 ? [] : [.. Enumerable.Range(0, 12).Select(_ => Title()).Distinct(StringComparer.Ordinal)];
        return Spec(names, ColumnKind.Label, dice.Chance(70) ? noun : $"{own} {noun}", pool, values);
    }

    private string Initials() => WordLists.Invented(dice)[..dice.Between(1, 2)].ToUpperInvariant();

    private string Title() => string.Join(' ', Enumerable.Range(0, dice.Below(8) == 0 ? 3 : 2).Select(i => WordLists.Capital(
        WordLists.Some(i == 0 ? dice.Chance(50) ? WordLists.Modifiers : WordLists.Flags : WordLists.Things, 20, dice))));

    private ColumnSpec Column(string table)
    {
        switch (dice.Below(20))
        {
            case < 5:
                return Category();
            case < 7:
                return Place();
            case < 9:
                string thing = WordLists.Some(WordLists.Countables, Invented, dice);
                string counted = dice.Chance(30) ? $"{WordLists.Some(WordLists.Modifiers, Invented, dice)} {thing}" : thing;
                string snake = counted.Replace(' ', '_'), many = English.Plural(counted);
                string[] names =
                [
                    dice.Pick(many.Replace(' ', '_'), $"{snake}_count"),
                    dice.Pick($"{thing}_total", $"number_of_{thing}s", $"{thing}s_had"),
                ];
                int most = dice.Pick(9, 40, 300, 5000);
                return Spec(names, ColumnKind.Count, counted, "", []) with { NounPlural = many, Low = dice.Below(3), High = most };
            case < 13:
                return Measure();
            case < 15:
                return Date();
            case 15:
                string year = $"{dice.Pick(WordLists.Dates)} year";
                int first = dice.Between(1880, 1990);
                return Spec(Names(year, "year"), ColumnKind.Year, year, "", []) with { Low = first, High = dice.Between(first + 15, 2023) };
            case < 18:
                return Flag();
            default:
                return Null(table);
        }
    }

    private ColumnSpec Category()
    {
        var (noun, values) = dice.Pick(WordLists.Categories);
        if (dice.Chance(30)) values = [.. Enumerable.Range(0, 5).Select(_ => Value()).Distinct(StringComparer.Ordinal)];
        string full = dice.Chance(45) ? $"{WordLists.Some(WordLists.Modifiers, Invented, dice)} {noun}" : noun;
        if (dice.Chance(15)) full = WordLists.Some(WordLists.Things, 60, dice);
        string? clause = dice.Chance(55) ? null : $"{dice.Pick(WordLists.Verbs)} %{(dice.Chance(45) ? $" {noun}" : "")}";
        return Spec(Names(full, noun), ColumnKind.Category, full, "", values) with { Clause = clause };
    }

    private string Value()
    {
        string word = WordLists.Some(dice.Chance(50) ? WordLists.Things : WordLists.Modifiers, 40, dice);
        return dice.Chance(50) ? WordLists.Capital(word) : word;
    }

    private ColumnSpec Place()
    {
        string pool = dice.Pick("city", "country", "person", "company");
        string noun = pool switch
        {
            "city" => dice.Pick("city", "town", "location", "place", "home"),
            "country" => dice.Pick("country", "nation", "origin", "homeland"),
            "person" => dice.Pick("owner", "contact", "manager", "person", "holder"),
            _ => dice.Pick("company", "maker", "supplier", "employer"),
        };
        string full = dice.Chance(40) ? $"{WordLists.Some(WordLists.Modifiers, Invented, dice)} {noun}" : noun;
        string? clause = pool == "person" || dice.Chance(30) ? null : $"{dice.Pick(WordLists.Verbs)} %";
        return Spec(Names(full, noun), ColumnKind.Category, full, pool, []) with { Clause = clause };
    }

    private ColumnSpec Measure()
    {
        var (noun, unit) = dice.Pick(WordLists.Measures);
        if (dice.Chance(Invented / 2)) (noun, unit) = (WordLists.Invented(dice), "");
        string full = dice.Chance(45) ? $"{WordLists.Some(WordLists.Modifiers, Invented, dice)} {noun}" : noun;
        string shown = dice.Chance(8) ? $"{noun} of the {full.Split(' ')[0]}" : full;
        string[] names = Names(full, noun);
        if (unit.Length is > 0 and < 6 && dice.Chance(20)) names = [names[0], $"{noun}_{unit.ToLowerInvariant()}"];
        var spec = Spec(names, ColumnKind.Integer, shown == full ? full : shown, "", []) with { Unit = unit };
        switch (dice.Below(3))
        {
            case 0:
                int low = dice.Between(0, 60);
                return spec with { Low = low, High = low + dice.Pick(12, 60, 400, 3000) };
            case 1:
                int least = dice.Pick(100, 1000, 20_000);
                return spec with { Kind = ColumnKind.Large, Low = least, High = least * dice.Between(5, 60) };
            default:
                int start = dice.Between(0, 30);
                int range = dice.Pick(4, 30, 300);
                return spec with { Kind = ColumnKind.Real, Low = start, High = start + range, Decimals = dice.Between(1, 2) };
        }
    }

    private ColumnSpec Date()
    {
        string what = dice.Pick(WordLists.Dates), full = what;
        if (dice.Chance(25)) full = $"{WordLists.Some(WordLists.Modifiers, Invented, dice)} {what}";
        string snake = full.Replace(' ', '_'), done = dice.Pick(WordLists.Participles);
        string[] names = dice.Below(3) switch
        {
            0 => [$"{snake}_date"],
            1 => [$"{snake}_date", $"{done}_on"],
            _ => [$"{what}_{dice.Pick("day", "date", "on")}", $"{snake}_date"],
        };
        int first = dice.Between(1990, 2022);
        return Spec(names, ColumnKind.Date, $"{full} date", "", []) with { Low = first, High = dice.Between(first, 2023) };
    }

    private ColumnSpec Flag()
    {
        string word = WordLists.Some(WordLists.Flags, 15, dice);
        string thing = WordLists.Some(WordLists.Things, 15, dice);
        return dice.Below(4) switch
        {
            0 => Spec([thing, $"has_{thing}"], ColumnKind.Flag, null, "", []) with
            {
                Clause = $"have {English.A(thing)}",
                NotClause = $"have no {thing}",
            },
            1 => Spec([$"was_{word}", $"{word}_before"], ColumnKind.Flag, null, "", []) with
            {
                Clause = $"have been {word}",
                NotClause = $"have not been {word}",
            },
            _ => Spec([word, $"is_{word}"], ColumnKind.Flag, null, "", []) with { Clause = $"are {word}", NotClause = $"are not {word}" },
        };
    }

    /// <summary>A column that may be NULL.</summary>
    private ColumnSpec Null(string table)
    {
        string done = dice.Pick(WordLists.Participles);
        switch (dice.Below(4))
        {
            case 0:
                string note = dice.Pick(WordLists.Notes);
                return Spec(Names(note, note), ColumnKind.Words, note, "words", []) with
                {
                    NullClause = $"have no {note}",
                    NotNullClause = $"have {English.A(note)}",
                };
            case 1:
                var date = Date();
                return date with
                {
                    NullClause = $"have not been {done}",
                    NotNullClause = $"have been {done}",
                    Noun = $"{done} date",
                    Names = [$"{done}_on", $"{done}_date"],
                    Low = 2022,
                    High = 2024,
                };
            case 2:
                var measure = Measure();
                return measure with { NullClause = $"have no {measure.Noun}", NotNullClause = $"have {English.A(measure.Noun!)}" };
            default:
                string who = dice.Pick("owner", "helper", "manager", "contact", table.Split(' ')[0] + " leader");
                return Spec(Names(who, who), ColumnKind.Words, who, "person", []) with
                {
                    NullClause = $"have no {who}",
                    NotNullClause = $"have {English.A(who)}",
                };
        }
    }

    /// <summary>Names of a column: "sugar price" may be sugar_price, price_sugar, price.</summary>
    private string[] Names(string full, string noun)
    {
        string snake = full.Replace(' ', '_');
        string other = dice.Below(4) switch
        {
            0 => noun.Replace(' ', '_'),
            1 => $"{dice.Pick(WordLists.Modifiers)}_{noun.Replace(' ', '_')}",
            2 => $"{snake}_{dice.Pick("value", "given", "text", "total", "kind", "now", "share")}",
            _ => string.Join('_', snake.Split('_').Reverse()),
        };
        return dice.Chance(55) || other == snake ? [snake] : [snake, other];
    }

    private static ColumnSpec Spec(string[] names, ColumnKind kind, string? noun, string pool, string[] values) =>
        new(names, kind, noun, null, pool, values, 0, 0, 0, "", null, null, null, null);
}
