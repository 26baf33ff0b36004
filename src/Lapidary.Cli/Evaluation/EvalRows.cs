using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Generation;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql;
using Lapidary.Training;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Evaluation;

/// <summary>The rows of an evaluation: what a scorer needs, and what a prompt is built of.</summary>
internal sealed class EvalRows
{
    private const string Question = "sql_prompt", Context = "sql_context", Sql = "sql";

    // Columns of well-known data sets, which stand for the guide's: sql-create-context, Spider, BIRD.
    private static readonly string[] Questions = [Question, "question"], Contexts = [Context, "context", "schema"];
    private static readonly string[] Queries = [Sql, "query", "SQL", "answer"], Complexities = ["complexity", "sql_complexity"];

    private readonly List<Entry> _entries = [];

    private EvalRows()
    {
    }

    /// <summary>Number of rows before some were drawn.</summary>
    public int Read { get; private set; }

    /// <summary>Indices of the drawn rows among those read; null if none were drawn.</summary>
    public IReadOnlyList<int>? Drawn { get; private set; }

    /// <summary>The rows to score.</summary>
    public IReadOnlyList<TextToSqlRow> Rows { get; private set; } = [];

    /// <summary>Reads the rows: of a data set with splits the validation or test split, unless the user names another one.</summary>
    /// <exception cref="LapidaryException">A data set does not exist, or a row has no reference.</exception>
    public static EvalRows Load(CommandRun run)
    {
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var rows = new EvalRows();
        var sources = NamedData.Find(run, work);
        foreach (var source in sources) rows.Add(run, source);
        rows.Read = rows._entries.Count;
        if (rows.Read == 0) throw new LapidaryException($"{sources[0].Name}: expected at least one row, found none.");
        if (run.Values.Get(DataSettings.Select) is > 0 and var count) rows.Draw(run, count);
        rows.Rows = [.. rows._entries.Select(entry => entry.Row)];
        return rows;
    }

    /// <summary>The place of a row in its file.</summary>
    public string Origin(int row) => _entries[row].Record.Origin.ToString();

    /// <summary>The prompts of the rows: with the guide's words, unless a template or a column of prompts is named, or the rows have no
    /// questions.</summary>
    /// <param name="text">Tokenizer and template.</param>
    /// <param name="config">The model's vocabulary and context.</param>
    public IReadOnlyList<RowQuestion> Ask(TextTools? text, GemmaConfig config)
    {
        (DataSetOptions Options, RowReader Reader)? last = null;
        return [.. _entries.Select(entry =>
        {
            var (record, options, row) = entry;
            bool isGuides = options is { Template: null, MessagesColumn: null, PromptColumn: null } && row.SqlPrompt.Length > 0;
            if (last?.Options != options) last = (options, new RowReader(options));
            return isGuides
                ? RowQuestion.Of(
                    WithNames(record, row), last.Value.Reader, options with { Template = RowTemplate.TextToSql }, text, config)
                : RowQuestion.Of(record, last.Value.Reader, options, text, config);
        })];
    }

    private void Draw(CommandRun run, int count)
    {
        if (count > Read)
            throw run.Wrong($"--{DataSettings.Select.Name}: expected at most {Read}, the rows of the data set, found {count}.");
        if (count == Read) return;
        int[] order = [.. Enumerable.Range(0, Read)];
        new StableRandom((ulong)SamplingSettings.SeedOf(run.Values)).Shuffle(order.AsSpan());
        int[] drawn = [.. order[..count].Order()];
        Entry[] chosen = [.. drawn.Select(row => _entries[row])];
        _entries.Clear();
        _entries.AddRange(chosen);
        Drawn = drawn;
    }

    private void Add(CommandRun run, NamedData source)
    {
        var values = run.Values;
        if (source.Source is null)
            throw run.Wrong("--dataset: eval cannot read rows from a pipe; save them in a file, and give its name.");
        var records = new RecordReader(source.Options);
        foreach (var record in source.Source.FetchForEvaluation().SelectMany(records.Read).SelectMany(file => file))
        {
            string context = Text(record, values.Get(EvalSettings.ContextColumn), Contexts, EvalSettings.ContextColumn);
            string sql = Text(record, values.Get(EvalSettings.SqlColumn), Queries, EvalSettings.SqlColumn);
            string? question = values.Get(EvalSettings.QuestionColumn) is { } named ? named : Questions.FirstOrDefault(Has(record));
            _entries.Add(new(record, source.Options, new TextToSqlRow(question is null ? "" : record.Text(question), context, sql)
            {
                Complexity = Complexities.Select(name => Word(record.Columns.GetValueOrDefault(name))).OfType<string>().FirstOrDefault(),
                Domain = record.Columns.GetValueOrDefault("domain") as string,
            }));
        }

        if (records.LeftOut > 0) run.Note($"{source.Name}: {Amount.Of(records.LeftOut, "row")} left out by --filter.");
    }

    private static Func<string, bool> Has(DataRecord record) => column => record.Columns.ContainsKey(column);

    /// <summary>A text, a number such as a level, or a truth value as text; null for all else.</summary>
    private static string? Word(object? value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(format: null, CultureInfo.InvariantCulture),
        _ => null,
    };

    private static string Text(DataRecord record, string? named, string[] usual, Setting setting)
    {
        if ((named ?? usual.FirstOrDefault(Has(record))) is { } column) return record.Text(column);
        throw record.Origin.Error(
            $"expected a column {string.Join(" or ", usual)}, found {record.ColumnList()}; name it with --{setting.Name}.");
    }

    private static DataRecord WithNames(DataRecord record, TextToSqlRow row)
    {
        if (Has(record)(Question) && Has(record)(Context) && record.Columns[Question] is string question && question == row.SqlPrompt
            && record.Columns[Context] is string context && context == row.SqlContext)
        {
            return record;
        }

        var columns = new Dictionary<string, object?>(record.Columns) { [Question] = row.SqlPrompt, [Context] = row.SqlContext };
        return record with { Columns = columns };
    }

    private sealed record Entry(DataRecord Record, DataSetOptions Options, TextToSqlRow Row);
}
