using System.ComponentModel.DataAnnotations;
using Lapidary.Formats;
using Lapidary.TextToSql.Databases;
using SQLitePCL;

namespace Lapidary.TextToSql;

/// <summary>What a query on asked data may take.</summary>
public sealed record QueryLimits
{
    private const int ValueBytes = 8 << 20;

    private const long ResultBytes = 16 << 20, MemoryBytes = 512 << 20;

    /// <summary>Most rows of a result; those after them are left out.</summary>
    [Range(1, 10_000_000)]
    public int MaxRows { get; init; } = 1000;

    /// <summary>Time after which a query is stopped.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How a user gets more time, for the end of a message.</summary>
    internal string MoreTime { get; init; } = ", or raise TimeLimit";

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">An option is out of range; the message names it.</exception>
    public void Validate()
    {
        RecordLimits.Check(this);
        if (TimeLimit <= TimeSpan.Zero)
            throw new LapidaryException($"TimeLimit: expected more than 0 s, found {TimeLimit.TotalSeconds} s.");
    }

    /// <summary>The same for the guard. The clock is the real one, as users ask about last week.</summary>
    internal GuardLimits ToGuard(TimeProvider time)
    {
        Batteries_V2.Init(); // the first call of SQLite in this process may be the one below
        return new GuardLimits
        {
            MaxRows = MaxRows,
            TimeLimit = TimeLimit,
            MaxSteps = long.MaxValue,
            MaxResultBytes = ResultBytes,
            MaxValueBytes = ValueBytes,
            CutsResults = true,
            MaxMemoryBytes = raw.sqlite3_memory_used() + MemoryBytes, // above what imported tables take
            Now = time.GetUtcNow(),
        };
    }
}
