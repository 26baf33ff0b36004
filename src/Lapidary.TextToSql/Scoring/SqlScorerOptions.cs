namespace Lapidary.TextToSql;

/// <summary>Options of <see cref="SqlScorer"/>. Scores are comparable only between runs with the same ones.</summary>
public sealed record SqlScorerOptions
{
    /// <summary>Seed of the random databases and of random().</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Databases that are made for a row whose reference reads tables without rows; at least 1.</summary>
    public int RandomDatabases { get; init; } = 8;

    /// <summary>Steps of SQLite's virtual machine that a context or a statement may take: the limit of time, the same on every
    /// machine.</summary>
    public long MaxSteps { get; init; } = 20_000_000;

    /// <summary>Time after which a statement is stopped that the limit of steps did not stop; generous, so that verdicts do not depend
    /// on how busy the machine is.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Rows that a result may have.</summary>
    public int MaxRows { get; init; } = 10_000;

    /// <summary>Bytes that a result may have.</summary>
    public long MaxResultBytes { get; init; } = 8 << 20;

    /// <summary>Bytes that a database may have, and bytes that SQLite may use in all while it runs a statement times eight.</summary>
    public long MaxDatabaseBytes { get; init; } = 64 << 20;

    /// <summary>The time that date('now') and CURRENT_TIMESTAMP give, so that scores are the same on every day.</summary>
    public DateTimeOffset Now { get; init; } = new(2024, 1, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Rows scored at the same time; 0 for one on each core.</summary>
    public int Threads { get; init; }
}
