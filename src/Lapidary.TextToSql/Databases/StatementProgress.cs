using System.Diagnostics;
using Lapidary.Formats;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>Counts the steps of a statement and stops it: SQLite calls it every so many steps.</summary>
internal sealed class StatementProgress(GuardLimits limits, Action? heartbeat, CancellationToken cancellationToken)
{
    /// <summary>Steps between two calls. A step makes at most one value of a megabyte or so: this bounds what is held between two looks
    /// at the memory.</summary>
    private const int Usual = 200;

    /// <summary>The same where a step may look for a pattern in a long text, which takes a second or two.</summary>
    private const int Short = 10;

    private const string StoppedFor = "The statement was stopped ";

    private long _steps;
    private long _started;
    private long _fillSteps;
    private TimeSpan _fillTime;
    private bool _isFilling;

    /// <summary>Why the statement was stopped; null where it was not, or was cancelled.</summary>
    public SqlFailure? Stop { get; private set; }

    /// <summary>Whether no further row may be inserted to fill a table.</summary>
    public bool IsFillingSpent { get; private set; }

    /// <summary>Steps between two calls.</summary>
    public int Interval { get; private set; } = Usual;

    /// <summary>Looks more often from here on.</summary>
    public void Shorten() => Interval = Short;

    /// <summary>A statement starts with all its steps, or goes on with those that an earlier one left.</summary>
    /// <param name="keepSteps">Whether it goes on.</param>
    /// <param name="isFilling">Whether it fills a table: all that do share what they may take.</param>
    public void Begin(bool keepSteps = false, bool isFilling = false)
    {
        if (_isFilling && isFilling) _fillTime += Stopwatch.GetElapsedTime(_started);
        _isFilling = isFilling;
        if (!keepSteps) _steps = 0;
        Stop = null;
        _started = Stopwatch.GetTimestamp();
        heartbeat?.Invoke();
    }

    /// <summary>SQLite's callback; it must not throw.</summary>
    /// <returns>0 to go on.</returns>
    public int OnProgress(object userData)
    {
        _steps += Interval;
        heartbeat?.Invoke();
        if (cancellationToken.IsCancellationRequested) return 1;
        long most = _isFilling ? limits.MaxInsertSteps : limits.MaxSteps;
        if (_isFilling)
        {
            _fillSteps += Interval;
            IsFillingSpent = _fillSteps > limits.MaxFillSteps
                || _fillTime + Stopwatch.GetElapsedTime(_started) > limits.FillTimeLimit;
        }

        if (_isFilling && IsFillingSpent)
            Stop = new SqlFailure(SqlFailureKind.TimedOut, "Filling its empty tables at random takes too many steps.");
        else if (_steps > most)
            Stop = TimedOut($"after {most} steps, the most that one may take.");
        else if (Stopwatch.GetElapsedTime(_started) > limits.TimeLimit)
            Stop = TimedOut($"after {limits.TimeLimit.TotalSeconds:0.###} s, the longest that one may run.");
        else if (raw.sqlite3_memory_used() > limits.MaxMemoryBytes)
            Stop = new SqlFailure(SqlFailureKind.OutOfMemory, StoppedFor + $"as SQLite needed more than {Memory} of memory.");
        return Stop is null ? 0 : 1;
    }

    private string Memory => ByteSize.Format(limits.MaxMemoryBytes);

    private static SqlFailure TimedOut(string why) => new(SqlFailureKind.TimedOut, StoppedFor + why);
}
