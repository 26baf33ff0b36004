using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Data;

/// <summary>What is found in a data set, row by row. A row leaves a few dozen bytes.</summary>
internal sealed class Inspection
{
    private const int BatchRows = 512, MostFailures = 5;

    private readonly Dictionary<string, ColumnFacts> _columns = new(StringComparer.Ordinal);
    private readonly List<ColumnFacts> _order = [];
    private readonly Dictionary<UInt128, long> _wholes = [];
    private readonly Dictionary<UInt128, (long Row, UInt128 Whole)> _prompts = [];
    private readonly HashSet<UInt128> _loose = [];

    /// <summary>Number of rows.</summary>
    public long Rows { get; private set; }

    /// <summary>The columns, in the order of their first occurrence.</summary>
    public IReadOnlyList<ColumnFacts> Columns => _order;

    /// <summary>Characters of prompt and answer.</summary>
    public Lengths Characters { get; } = new();

    /// <summary>Tokens of a row, before it is cut.</summary>
    public Lengths Tokens { get; } = new();

    /// <summary>Rows that are longer than max_length, the first of them, and the tokens that are cut off.</summary>
    public (long Rows, long First, long Tokens) Cut { get; private set; }

    /// <summary>Rows with the same columns as an earlier one: their number, the first of them, and the one that it repeats.</summary>
    public (long Count, long First, long Original) Duplicates { get; private set; }

    /// <summary>Rows with the prompt of an earlier row and another answer.</summary>
    public (long Count, long First, long Original) Conflicts { get; private set; }

    /// <summary>Rows that cannot be read as the others.</summary>
    public (long Count, string? First) Invalid { get; private set; }

    /// <summary>Rows whose prompt is among those of another data set: exactly; regardless of case, blanks and punctuation; and the first
    /// of the latter.</summary>
    public (long Same, long Loose, long First) Leaks { get; private set; }

    /// <summary>Rows with SQL, and how many of their contexts and queries fail, and how many queries have no rows.</summary>
    public (long Rows, long Contexts, long Queries, long Empty) Sql { get; private set; }

    /// <summary>The first failures, with their places.</summary>
    public List<(string Place, string Part, string Error)> SqlFailures { get; } = [];

    /// <summary>Examines rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="tokenizer">Counts tokens; null for no counts.</param>
    /// <param name="maxLength">Tokens of the longest row that is not cut; null for no limit.</param>
    /// <param name="triesSql">Whether to run the rows' SQL.</param>
    /// <param name="others">A data set whose prompts must not occur here; null for none.</param>
    /// <param name="progress">Receives the number of rows.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void Add(
        IEnumerable<ReadRow> rows, RowTokenizer? tokenizer, int? maxLength, bool triesSql, Inspection? others, Action<long> progress,
        CancellationToken cancellationToken)
    {
        foreach (var batch in rows.Chunk(BatchRows))
        {
            var facts = new RowFacts[batch.Length];
            Parallel.For(
                0, batch.Length, new ParallelOptions { CancellationToken = cancellationToken },
                i => facts[i] = RowFacts.Of(batch[i], tokenizer, triesSql));
            for (int i = 0; i < batch.Length; i++) Add(batch[i], facts[i], maxLength, others);
            progress(Rows);
        }
    }

    private void Add(ReadRow row, RowFacts facts, int? maxLength, Inspection? others)
    {
        Rows++;
        foreach (var (name, value) in row.Record.Columns)
        {
            if (!_columns.TryGetValue(name, out var column)) _order.Add(_columns[name] = column = new ColumnFacts(name));
            column.Add(value);
        }

        if (facts.Error is { } error) Invalid = (Invalid.Count + 1, Invalid.First ?? error);
        if (!_wholes.TryAdd(facts.Whole, Rows)) Duplicates = Next(Duplicates, _wholes[facts.Whole]);
        if (facts.Texts is { } texts) Add(texts, others);
        if (facts.Tokens is { } tokens)
        {
            Tokens.Add(tokens);
            if (tokens > maxLength) Cut = (Cut.Rows + 1, Cut.Rows == 0 ? Rows : Cut.First, Cut.Tokens + tokens - maxLength.Value);
        }

        if (facts.Sql is { } sql) Add(sql, row);
    }

    private void Add(RowHashes texts, Inspection? others)
    {
        Characters.Add(texts.Characters);
        if (!_prompts.TryAdd(texts.Prompt, (Rows, texts.Whole)) && _prompts[texts.Prompt] is var (row, whole) && whole != texts.Whole)
            Conflicts = Next(Conflicts, row);
        _loose.Add(texts.Loose);
        if (others is null || !others._loose.Contains(texts.Loose)) return;
        Leaks = (Leaks.Same + (others._prompts.ContainsKey(texts.Prompt) ? 1 : 0), Leaks.Loose + 1, Leaks.Loose == 0 ? Rows : Leaks.First);
    }

    private void Add(SqlTrial sql, ReadRow row)
    {
        Sql = (Sql.Rows + 1, Sql.Contexts + (sql.ContextError is null ? 0 : 1), Sql.Queries + (sql.QueryError is null ? 0 : 1),
            Sql.Empty + (sql.IsEmpty ? 1 : 0));
        if (SqlFailures.Count == MostFailures || (sql.ContextError ?? sql.QueryError) is not { } failure) return;
        SqlFailures.Add((row.Record.Origin.ToString(), sql.ContextError is null ? "sql" : "sql_context", failure));
    }

    private (long, long, long) Next((long Count, long First, long Original) before, long original) =>
        before.Count == 0 ? (1, Rows, original) : (before.Count + 1, before.First, before.Original);
}
