using System.Text;
using System.Text.RegularExpressions;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Shapes;
using Lapidary.TextToSql.Synthesis.Wording;

namespace Gemlet;

/// <summary>Draws the documents of the corpus. A document's number and the seed determine it.</summary>
/// <remarks>No question comes before its query: where a document has both, the query is first. What comes before a query is a comment of
/// a script. No document has the form of a conversation.</remarks>
internal static partial class Documents
{
    /// <summary>Most documents so have 400 to 600 tokens.</summary>
    private const int MostCharacters = 1800;

    /// <summary>Of a hundred documents, by the name of the mix: parts come first, and scripts, which put them together, after
    /// that.</summary>
    private static readonly Dictionary<string, (int Weight, Func<Dice, string> Draw)[]> Mixes = new()
    {
        ["parts"] =
        [
            (8, Queries), (5, Questions), (15, QueriesExplained), (22, Parts), (20, Links), (2, Facts), (3, Copies), (5, Rewritten),
            (20, Chained),
        ],
        ["scripts"] =
        [
            (60, Commented), (10, Chained), (10, Parts), (8, Links), (5, QueriesExplained), (2, Queries), (1, Questions), (1, Facts),
            (2, Copies), (1, Rewritten),
        ],
    };

    /// <summary>Tables of the generator's domains, for training and for testing: none of them is in the corpus.</summary>
    private static readonly HashSet<string> KnownTables =
        [.. DomainFile.All.SelectMany(domain => domain.Tables).SelectMany(table => new[] { table.Id, table.SqlName })];

    /// <summary>Names of the mixes.</summary>
    public static IEnumerable<string> MixNames => Mixes.Keys;

    /// <summary>Draws a document of a mix.</summary>
    public static string Draw(string mix, long seed, long number)
    {
        var dice = new Dice(seed, number);
        int place = dice.Below(Mixes[mix].Sum(kind => kind.Weight));
        foreach (var (weight, draw) in Mixes[mix])
        {
            if (place < weight) return draw(dice);
            place -= weight;
        }

        throw new InvalidOperationException("The weights have changed.");
    }

    /// <summary>A schema of a new world.</summary>
    internal static Schema SchemaOf(Dice dice)
    {
        while (true)
        {
            var world = new WorldDraw(dice).Draw();
            if (world.Tables.Any(table => KnownTables.Contains(table.Id) || KnownTables.Contains(table.SqlName))) continue;
            if (new SchemaDraw(world, dice).Draw(dice.Pick(1, 1, 2, 2, 3, 3)) is { } schema) return schema;
        }
    }

    /// <summary>A question and its query about a schema.</summary>
    internal static Question Ask(Schema schema, Dice dice) => Ask(schema, dice, () => []);

    private static Question Ask(Schema schema, Dice dice, Func<string[]> kinds)
    {
        while (true)
        {
            var shape = ShapeTable.Draw(dice, kinds());
            if (shape.Tables <= schema.Tables.Count && shape.Ask(new Scene(schema, dice)) is { } question) return question;
        }
    }

    private static string Queries(Dice dice)
    {
        var schema = SchemaOf(dice);
        return Fill(Start(schema, dice), dice, () => Ask(schema, dice).Sql + ";");
    }

    private static string Questions(Dice dice)
    {
        var schema = SchemaOf(dice);
        return Fill(Start(schema, dice), dice, () => Sentence(Ask(schema, dice)));
    }

    private static string QueriesExplained(Dice dice)
    {
        var schema = SchemaOf(dice);
        string between = dice.Pick("\n-- ", "\nanswers: ", " -- ", "\nThis tells: ");
        return Fill(Start(schema, dice), dice, () =>
        {
            var question = Ask(schema, dice);
            return $"{question.Sql};{between}{Sentence(question)}";
        });
    }

    /// <summary>A script: each query below a comment that says what it is for.</summary>
    private static string Commented(Dice dice)
    {
        var schema = SchemaOf(dice);
        bool isBlock = dice.Chance(20);
        return Fill(Start(schema, dice), dice, () =>
        {
            var question = Ask(schema, dice, () => Joins(schema, dice));
            return isBlock ? $"/* {Comment(question)} */\n{question.Sql};" : $"-- {Comment(question)}\n{question.Sql};";
        });
    }

    /// <summary>More joins than the generator draws: their aliases and keys are what a small model learns last.</summary>
    private static string[] Joins(Schema schema, Dice dice) => schema.Tables.Count switch
    {
        >= 3 when dice.Chance(35) => ["multiple_joins"],
        >= 2 when dice.Chance(15) => ["single join"],
        _ => [],
    };

    /// <summary>What a query is for, as those who write scripts note it: "the names of all books", where a person would ask "What are
    /// the names of all books?".</summary>
    private static string Comment(Question question)
    {
        string text = Request().Replace(question.Text.TrimEnd('.', '?'), match => match.Index == 0 ? "" : ": ");
        return char.ToLowerInvariant(text[0]) + text[1..].Replace("? ", "; ", StringComparison.Ordinal);
    }

    /// <summary>Parts of queries, before or behind what they say.</summary>
    private static string Parts(Dice dice)
    {
        var schema = SchemaOf(dice);
        bool isSqlFirst = dice.Chance(20);
        string between = isSqlFirst ? dice.Pick(" -- ", " means ", ": ") : dice.Pick(": ", " = ", "\n", " is ");
        return Fill(Start(schema, dice), dice, () =>
        {
            (string Words, string Sql)? part;
            do part = Fragments.Draw(new Scene(schema, dice));
            while (part is null);
            return isSqlFirst ? part.Value.Sql + between + part.Value.Words : part.Value.Words + between + part.Value.Sql;
        });
    }

    /// <summary>Several clauses behind notes of what they say.</summary>
    private static string Chained(Dice dice)
    {
        var schema = SchemaOf(dice);
        while (Chains.Draw(new Scene(schema, dice)) is null) schema = SchemaOf(dice);
        string between = dice.Pick("; ", "\n- ", ", ", "\n"), start = between == "\n- " ? "- " : dice.Pick("", "notes: ");
        return Fill(Start(schema, dice), dice, () =>
        {
            (string[] Notes, string Sql)? chain;
            do chain = Chains.Draw(new Scene(schema, dice));
            while (chain is null);
            var (notes, sql) = chain.Value;
            return $"{start}{string.Join(between, notes)}\n{sql}";
        });
    }

    /// <summary>Queries in small letters, and in capitals after that.</summary>
    private static string Rewritten(Dice dice)
    {
        var schema = SchemaOf(dice);
        bool isSmallFirst = dice.Chance(70);
        return Fill(Start(schema, dice), dice, () =>
        {
            string sql = Ask(schema, dice).Sql, small = Keyword().Replace(sql, match => match.Value.ToLowerInvariant());
            return isSmallFirst ? $"{small}\n{sql};" : $"{sql};\n{small}";
        });
    }

    /// <summary>Questions, each with the tables and columns that it is about, and in some documents with its constants.</summary>
    private static string Links(Dice dice)
    {
        var schema = SchemaOf(dice);
        var names = schema.Tables.SelectMany(table => table.Columns.Select(column => column.Name).Append(table.Name)).ToHashSet();
        string start = dice.Pick("\n", "\nneeds: ", " -- ");
        bool hasConstants = dice.Chance(60);
        return Fill(Start(schema, dice), dice, () =>
        {
            var question = Ask(schema, dice);
            var used = Word().Matches(question.Sql).Select(match => match.Value)
                .Where(word => names.Contains(word) || (hasConstants && (word[0] == '\'' || char.IsAsciiDigit(word[0])))).Distinct();
            return $"{Sentence(question)}{start}{string.Join(", ", used)}";
        });
    }

    /// <summary>Sentences about tables and their rows.</summary>
    private static string Facts(Dice dice)
    {
        var schema = SchemaOf(dice);
        return Fill(Start(schema, dice), dice, () => Fact(schema, dice));
    }

    private static string Fact(Schema schema, Dice dice)
    {
        var table = dice.Pick(schema.Tables);
        var column = dice.Pick(table.Columns);
        string all = English.List([.. table.Columns.Select(x => x.Name)]);
        int row = dice.Below(table.Rows.Count);
        object name = table.Rows[row][table.Label.Index]!;
        switch (dice.Below(7))
        {
            case 0:
                return $"The table {table.Name} has the columns {all}.";
            case 1:
                return $"The column {column.Name} of {table.Name} holds the {column.Noun} of {English.A(table.Singular)}.";
            case 2:
                return $"The {column.Noun} of each {table.Singular} is in {table.Name}.{column.Name}.";
            case 3 when column.Parent is { } parent:
                return $"{table.Name}.{column.Name} refers to {parent.Name}.{parent.Key.Name}: "
                    + $"{table.Plural} {column.Phrase} {parent.Plural}.";
            case 4 when table.Categories.Any():
                var category = dice.Pick([.. table.Categories]);
                return $"The {English.Plural(category.Noun)} are {English.List([.. table.Values(category).Distinct().Select(Text)])}.";
            default:
                return $"The {column.Noun} of {Scene.Named(table, name)} is {Text(table.Rows[row][column.Index] ?? "unknown")}.";
        }

        static string Text(object value) => value is bool flag ? flag ? "yes" : "no" : Filters.Shown(value);
    }

    /// <summary>Lists of rare names that come again, and names in their forms: "iron bridge, iron_bridges, IronBridge".</summary>
    private static string Copies(Dice dice)
    {
        bool forms = dice.Chance(60);
        string[] words = [.. Enumerable.Range(0, dice.Between(4, 14)).Select(_ => Name(dice))];
        string separator = dice.Pick(", ", "\n", "; ", " ");
        string start = string.Join(separator, words);
        string between = dice.Pick(" = ", ": ", " -> ");
        return Fill(new StringBuilder(start), dice, () =>
        {
            string word = dice.Chance(70) ? dice.Pick(words) : Name(dice);
            if (!forms) return string.Join(separator, dice.Shuffled(words).Take(dice.Between(2, words.Length)));
            string snake = word.Replace(' ', '_'), many = English.Plural(word);
            string pascal = string.Concat(word.Split(' ').Select(WordLists.Capital));
            string form = dice.Below(6) switch
            {
                0 => snake,
                1 => many,
                2 => many.Replace(' ', '_'),
                3 => pascal,
                4 => $"{snake}_id",
                _ => $"{snake[..1]}.{snake}",
            };
            return dice.Chance(50) ? word + between + form : form + between + word;
        });
    }

    private static string Name(Dice dice)
    {
        string[] list = dice.Pick(WordLists.Things, WordLists.Persons, WordLists.Countables, WordLists.Dates, WordLists.Modifiers);
        string word = WordLists.Some(list, 55, dice);
        return dice.Chance(35) ? $"{WordLists.Some(WordLists.Modifiers, 45, dice)} {word}" : word;
    }

    private static StringBuilder Start(Schema schema, Dice dice) => new(
        dice.Chance(60) ? string.Join(dice.Chance(50) ? '\n' : ' ', schema.Tables.Select(table => SchemaScript.Create(table, schema.Style)))
        : dice.Chance(20) ? schema.Script.Replace("; ", ";\n", StringComparison.Ordinal) : schema.Script);

    private static string Sentence(Question question) => WordLists.Capital(question.Text);

    /// <summary>Adds lines until the document is full.</summary>
    private static string Fill(StringBuilder text, Dice dice, Func<string> line)
    {
        string end = dice.Chance(75) ? "\n" : "\n\n";
        text.Append(dice.Chance(50) ? end : "\n\n");
        while (true)
        {
            string next = line();
            if (text.Length + next.Length > MostCharacters) return text.ToString().TrimEnd();
            text.Append(next).Append(end);
        }
    }

    /// <summary>Words that ask for an answer, at the start or in the midst.</summary>
    [GeneratedRegex("(^|[.?,] )((show|list|find|give|return) |what (is|are) )", RegexOptions.IgnoreCase)]
    private static partial Regex Request();

    /// <summary>A name, a number or a text.</summary>
    [GeneratedRegex(@"'[^']*'|\w+(\.\d+)?")]
    private static partial Regex Word();

    [GeneratedRegex(@"\b[A-Z]{2,}\b(?=[^']*('[^']*'[^']*)*$)")]
    private static partial Regex Keyword();
}
