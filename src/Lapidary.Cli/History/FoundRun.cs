namespace Lapidary.Cli.History;

/// <summary>A run that a folder holds.</summary>
/// <param name="Name">The folder, from where it was looked for.</param>
/// <param name="Folder">Its path.</param>
/// <param name="State">running, finished, interrupted or failed.</param>
internal sealed record FoundRun(string Name, string Folder, string State)
{
    /// <summary>The base, as the run names it; null where no file tells.</summary>
    public string? Model { get; init; }

    /// <summary>Optimizer steps done.</summary>
    public int Step { get; init; }

    /// <summary>Optimizer steps of the whole run; 0 where no file tells.</summary>
    public int MaxSteps { get; init; }

    /// <summary>Loss of the last logged steps, nats per token.</summary>
    public double? Loss { get; init; }

    /// <summary>Loss of the last evaluation.</summary>
    public double? EvalLoss { get; init; }

    /// <summary>Token accuracy of the last evaluation.</summary>
    public double? EvalAccuracy { get; init; }

    /// <summary>When it began, or when its oldest file was written.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>Time of all its sessions.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>Tokens per second of all its sessions.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Its settings, as its files have them.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

/// <summary>A folder that looks like a run's and cannot be read.</summary>
/// <param name="Folder">Its path.</param>
/// <param name="Reason">One line.</param>
internal sealed record UnreadableRun(string Folder, string Reason);
