namespace Lapidary.TextToSql.Databases;

/// <summary>How much a database and its statements may take; and what is fixed so that results repeat.</summary>
internal sealed record GuardLimits
{
    private const int FillShare = 5;

    /// <summary>Steps of the virtual machine, for a whole context or one statement.</summary>
    public long MaxSteps { get; init; } = 20_000_000;

    /// <summary>The net behind the limit of steps.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Steps of one row that is inserted to fill a table.</summary>
    public long MaxInsertSteps => Math.Max(1, MaxSteps / 20);

    /// <summary>Steps of all rows that are inserted to fill tables.</summary>
    public long MaxFillSteps => FillShare * Math.Min(MaxSteps, long.MaxValue / FillShare);

    /// <summary>The net behind them.</summary>
    public TimeSpan FillTimeLimit => FillShare * TimeLimit;

    public int MaxRows { get; init; } = 10_000;

    public long MaxResultBytes { get; init; } = 8 << 20;

    public long MaxDatabaseBytes { get; init; } = 64 << 20;

    /// <summary>Whether a result that is too large is cut rather than refused.</summary>
    public bool CutsResults { get; init; }

    /// <summary>Bytes that SQLite may hold in all: sorts and grouped rows are in no database.</summary>
    public long MaxMemoryBytes
    {
        get => field > 0 ? field : 8 * MaxDatabaseBytes;
        init;
    }

    /// <summary>Bytes of a text or blob.</summary>
    public int MaxValueBytes { get; init; } = 1_000_000;

    /// <summary>Bytes of a context.</summary>
    public int MaxContextBytes { get; init; } = 16 << 20;

    /// <summary>Bytes of an answer or a reference.</summary>
    public int MaxStatementBytes { get; init; } = 20_000;

    public long Seed { get; init; } = 42;

    public DateTimeOffset Now { get; init; } = new(2024, 1, 1, 12, 0, 0, TimeSpan.Zero);
}
