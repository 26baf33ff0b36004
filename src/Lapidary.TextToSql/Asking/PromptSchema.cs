using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.TextToSql.Asking;

/// <summary>The schema in a prompt, as much of it as a model's context has room for: all tables with some of their rows; else without
/// rows; else the tables that the question seems to be about; else some columns of the first of them.</summary>
/// <param name="tables">The tables.</param>
/// <param name="question">The question.</param>
/// <param name="showsRows">Whether rows may be shown.</param>
internal sealed class PromptSchema(IReadOnlyList<AskedTable> tables, string question, bool showsRows)
{
    private const int NamedTables = 10;

    private readonly Relevance _relevance = new(question);

    /// <summary>Whether any of it fits.</summary>
    public bool Fits(Func<ChatTurn, int> count, int room) => count(Smallest()) <= room;

    /// <summary>The user's turn with as much of the schema as fits.</summary>
    /// <param name="count">Tokens of a prompt with that turn.</param>
    /// <param name="room">Most tokens.</param>
    /// <exception cref="LapidaryException">Not a single column fits.</exception>
    public Fitted Fit(Func<ChatTurn, int> count, int room)
    {
        string all = Join(tables.Select(SchemaStatements.Create));
        var turn = Turn(Join([all, .. tables.Select(SchemaStatements.Samples)]));
        if (showsRows && count(turn) <= room) return new Fitted(turn, null);
        turn = Turn(all);
        int needed = count(turn);
        if (needed <= room) return new Fitted(turn, null);

        string[] ranked = [.. Ranked().Select(SchemaStatements.Create)];
        int fitting = Most(ranked.Length, number => count(Turn(Join(ranked[..number]))) <= room);
        if (fitting > 0)
        {
            var chosen = Ranked().Take(fitting).Select(table => table.Name);
            string names = string.Join(", ", chosen.Take(NamedTables)) + (fitting > NamedTables ? ", …" : "");
            return new Fitted(
                Turn(Join(ranked[..fitting])),
                $"the schema needs {needed} tokens of {room}: the model sees {fitting} of {tables.Count} tables: {names}.");
        }

        var first = Ranked()[0];
        int columns = Most(first.Columns.Count, number => count(Turn(Cut(first, number))) <= room);
        if (columns == 0)
        {
            throw new LapidaryException($"The question needs {count(Smallest())} tokens with one column of the schema, expected at most "
                + $"{room}, as the model's context allows; shorten the question.");
        }

        string others = tables.Count > 1 ? $", and none of the {tables.Count - 1} other tables" : "";
        return new Fitted(
            Turn(Cut(first, columns)),
            $"the schema needs {needed} tokens of {room}: the model sees {columns} of {first.Columns.Count} columns of {first.Name}"
            + $"{others}.");
    }

    private ChatTurn Smallest() => Turn(Cut(Ranked()[0], 1));

    private AskedTable[] Ranked() => [.. tables.OrderByDescending(_relevance.Of)];

    /// <summary>A table with its most relevant columns, in their order.</summary>
    private string Cut(AskedTable table, int number)
    {
        var chosen = table.Columns.OrderByDescending(column => (_relevance.Of(column.Name), column.KeyPart > 0)).Take(number).ToHashSet();
        return SchemaStatements.Create(table, [.. table.Columns.Where(chosen.Contains)]);
    }

    private ChatTurn Turn(string schema) => RowTemplate.TextToSql.Format(
        new Dictionary<string, object?> { ["sql_prompt"] = question, ["sql_context"] = schema }, withAnswer: false)[^1];

    private static string Join(IEnumerable<string> statements) => string.Join(' ', statements.Where(text => text.Length > 0));

    /// <summary>The largest number up to a limit that has a property, which all smaller ones have too; 0 for none.</summary>
    private static int Most(int limit, Predicate<int> has)
    {
        int low = 0, high = limit;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (has(middle)) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    /// <summary>A prompt that fits.</summary>
    /// <param name="Turn">The user's turn.</param>
    /// <param name="Note">What of the schema is left out; null for nothing but rows.</param>
    internal sealed record Fitted(ChatTurn Turn, string? Note);
}
