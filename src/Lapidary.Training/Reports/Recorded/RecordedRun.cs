namespace Lapidary.Training.Reports.Recorded;

/// <summary>A run as its folder describes it.</summary>
/// <param name="Name">Its name among the runs of a report.</param>
/// <param name="Folder">The folder.</param>
internal sealed record RecordedRun(string Name, string Folder)
{
    /// <summary>finished, running, interrupted, failed or unknown.</summary>
    public string State { get; init; } = "unknown";

    /// <summary>The base by the run's name for it; null if unknown.</summary>
    public string? Model { get; init; }

    /// <summary>Number of trained values; null if unknown.</summary>
    public long? TrainedValues { get; init; }

    /// <summary>Optimizer steps done.</summary>
    public int Step { get; init; }

    /// <summary>Optimizer steps of the whole run; 0 if unknown.</summary>
    public int MaxSteps { get; init; }

    /// <summary>The step whose checkpoint the run ended with; null for the last one.</summary>
    public int? LoadedStep { get; init; }

    /// <summary>Logged steps and evaluations, oldest first. A value may be no number.</summary>
    public IReadOnlyList<LogEntry> Log { get; init; } = [];

    /// <summary>Settings by key, in their order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>Names of the training data.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>Rows to train on; null if unknown.</summary>
    public RecordedRows? Train { get; init; }

    /// <summary>Rows to evaluate on; null if unknown or none.</summary>
    public RecordedRows? Evaluation { get; init; }

    /// <summary>The sessions, oldest first.</summary>
    public IReadOnlyList<RecordedSession> Sessions { get; init; } = [];

    /// <summary>The newest session; null if none is known.</summary>
    public RecordedSession? LastSession => Sessions is [.., var last] ? last : null;

    /// <summary>Answers at evaluations, by step.</summary>
    public IReadOnlyList<(int Step, IReadOnlyList<EvaluationSample> Samples)> Samples { get; init; } = [];

    /// <summary>What is damaged or missing, one line each.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];
}

/// <summary>Counts of a data set; null where the run did not record one.</summary>
/// <param name="Rows">Rows, without those that were left out.</param>
/// <param name="Sequences">Sequences they are packed into.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="TrainedTokens">Tokens whose prediction is trained.</param>
/// <param name="TruncatedRows">Rows cut to max_length.</param>
/// <param name="TruncatedTokens">Tokens cut off.</param>
/// <param name="DroppedRows">Rows left out: empty, or without a trained token.</param>
/// <param name="LongestRow">Tokens of the longest row.</param>
internal sealed record RecordedRows(
    long? Rows, long? Sequences, long? Tokens, long? TrainedTokens, long? TruncatedRows, long? TruncatedTokens, long? DroppedRows,
    long? LongestRow);

/// <summary>One session of a run.</summary>
internal sealed record RecordedSession
{
    /// <summary>Start, as the file has it.</summary>
    public string? Started { get; init; }

    /// <summary>End, as the file has it; null if none is recorded.</summary>
    public string? Ended { get; init; }

    /// <summary>running, finished, interrupted or failed.</summary>
    public string? State { get; init; }

    /// <summary>The error that ended it.</summary>
    public string? Error { get; init; }

    /// <summary>Device, ranks, host and program.</summary>
    public string? Device { get; init; }

    /// <inheritdoc cref="Device"/>
    public long? Ranks { get; init; }

    /// <inheritdoc cref="Device"/>
    public string? Host { get; init; }

    /// <inheritdoc cref="Device"/>
    public string? Version { get; init; }

    /// <summary>Steps done before and after it.</summary>
    public long? FirstStep { get; init; }

    /// <inheritdoc cref="FirstStep"/>
    public long? LastStep { get; init; }

    /// <summary>Its length.</summary>
    public double? Seconds { get; init; }

    /// <summary>Length of its optimizer steps alone.</summary>
    public double TrainingSeconds { get; init; }

    /// <summary>Tokens that it trained on.</summary>
    public long? Tokens { get; init; }

    /// <summary>Largest memory that was allocated.</summary>
    public long? PeakBytes { get; init; }

    /// <summary>The planned memory.</summary>
    public long? PlannedBytes { get; init; }

    /// <summary>The memory that was available.</summary>
    public long? AvailableBytes { get; init; }

    /// <summary>The planned memory by owner, largest first.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> PlannedOwners { get; init; } = [];
}
