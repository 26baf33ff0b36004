using Lapidary.Formats;
using Lapidary.TextToSql.Asking;
using Lapidary.TextToSql.Asking.Files;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql;

/// <summary>Data to ask questions about: an SQLite database, or CSV and Parquet files, each as a table in memory. Nothing that is asked
/// changes them. Thread-safe.</summary>
public sealed class AskedData : IDisposable
{
    private readonly IQuerySource _source;
    private readonly string _name;
    private Seen _seen;

    private AskedData(IQuerySource source, string name, CancellationToken cancellationToken)
    {
        (_source, _name) = (source, name);
        _seen = Look(cancellationToken);
    }

    /// <summary>Its tables and views in order, as they were at the last question about a database that changes.</summary>
    public IReadOnlyList<AskedTable> Tables => _seen.Schema.Tables;

    /// <summary>What a user may not expect, one line each: names that were changed, views that cannot be read.</summary>
    public IReadOnlyList<string> Notes => [.. _source.Notes, .. _seen.Schema.Notes];

    /// <summary>The tables as CREATE TABLE statements, one a line.</summary>
    public string Schema => string.Join('\n', Tables.Select(SchemaStatements.Create));

    /// <summary>The clock of SQLite's date('now').</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Opens data.</summary>
    /// <param name="paths">One SQLite database, or CSV (.csv, .tsv, .txt, also packed as .gz or .zst) and Parquet files.</param>
    /// <param name="progress">Receives the number of imported rows.</param>
    /// <param name="cancellationToken">Ends the import.</param>
    /// <exception cref="LapidaryException">A file is missing, locked, damaged, empty or of another kind.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static AskedData Open(
        IReadOnlyList<string> paths, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (paths.Count == 0) throw new LapidaryException($"Data: expected {FileKinds.Expected}, found none.");
        FileKind[] kinds = [.. paths.Select(FileKinds.Of)];
        int databases = kinds.Count(kind => kind == FileKind.Database);
        if (databases > 0 && paths.Count > 1)
        {
            throw new LapidaryException($"{paths[Array.IndexOf(kinds, FileKind.Database)]}: expected one SQLite database alone, or CSV and "
                + $"Parquet files, found {databases} of the former and {paths.Count - databases} of the latter; give one database, "
                + "or the files.");
        }

        IQuerySource source = databases > 0 ? DatabaseFile.Open(paths[0]) : ImportedTables.Read(
            [.. paths.Zip(kinds, ITableFile (path, kind) => kind == FileKind.Parquet ? new ParquetTable(path) : new CsvTable(path))],
            progress, cancellationToken);
        try
        {
            return new AskedData(source, paths[0], cancellationToken);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Runs a query.</summary>
    /// <param name="sql">One SELECT, VALUES or WITH statement.</param>
    /// <param name="limits">Null for the defaults.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Its rows, at most as many as the limits allow.</returns>
    /// <exception cref="LapidaryException">It is refused, fails or is stopped at a limit; or the file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SqlResult Query(string sql, QueryLimits? limits = null, CancellationToken cancellationToken = default)
    {
        limits ??= new QueryLimits();
        limits.Validate();
        var outcome = Run(sql, limits, cancellationToken);
        return outcome.Result is { } result
            ? SqlResult.Of(result)
            : throw new LapidaryException(QueryFailures.Describe(outcome.Failure!, sql, limits));
    }

    /// <summary>Closes the files, and frees imported tables.</summary>
    public void Dispose() => _source.Dispose();

    /// <summary>Looks at the tables again if another program may have changed them.</summary>
    /// <exception cref="LapidaryException">The file cannot be read any more.</exception>
    internal void Refresh(CancellationToken cancellationToken)
    {
        if (!_source.Version.Equals(_seen.Version)) _seen = Look(cancellationToken);
    }

    /// <summary>As <see cref="Query"/>, with the failure of a statement as a value.</summary>
    internal SqlOutcome Run(string sql, QueryLimits limits, CancellationToken cancellationToken) => _source.Read(
        limits.ToGuard(Time),
        database =>
        {
            var outcome = database.Run(sql, GuardMode.Read);
            return outcome.Failure switch
            {
                null => outcome,
                { Kind: SqlFailureKind.Unreadable } failure => throw new DatabaseFailure(failure),
                { } failure => outcome with { Failure = QueryFailures.Corrected(failure, sql, _seen.Schema.Virtuals) },
            };
        },
        cancellationToken);

    private Seen Look(CancellationToken cancellationToken)
    {
        object version = _source.Version; // before it is read: a change meanwhile is found the next time
        var schema = _source.Read(new QueryLimits().ToGuard(TimeProvider.System), AskedSchema.Read, cancellationToken);
        if (schema.Tables.Count > 0) return new Seen(schema, version);
        string more = schema.Notes.Count > 0 ? $" ({schema.Notes[0]})" : "";
        throw new LapidaryException($"{_name}: expected tables to ask about, found none{more}; check the path.");
    }

    private sealed record Seen(AskedSchema Schema, object Version);
}
