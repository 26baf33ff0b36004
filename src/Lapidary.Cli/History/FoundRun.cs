namespace Lapidary.Cli.History;

/// <summary>A run found in a folder.</summary>
/// <param name="Name">The folder, relative to the searched one.</param>
/// <param name="Folder">Its path.</param>
/// <param name="State">running, finished, interrupted or failed.</param>
internal sealed record FoundRun(string Name, string Folder, string State)
{
    /// <summary>The base by the run's name for it; null if unknown.</summary>
    public string? Model { get; init; }

    /// <summary>Optimizer steps done.</summary>
    public int Step { get; init; }

    /// <summary>Optimizer steps of the whole run; 0 if unknown.</summary>
    public int MaxSteps { get; init; }

    /// <summary>Loss of the last logged steps, nats per token.</summary>
    public double? Loss { get; init; }

    /// <summary>Loss of the evaluation of the weights that the run ended with: of <see cref="BestStep"/>, or the last one.</summary>
    public double? EvalLoss { get; init; }

    /// <summary>Token accuracy of the same evaluation.</summary>
    public double? EvalAccuracy { get; init; }

    /// <summary>Name of the metric of its evaluations; null for none.</summary>
    public string? Metric { get; init; }

    /// <summary>Value of the metric at the same evaluation.</summary>
    public double? MetricValue { get; init; }

    /// <summary>The step of the best checkpoint if the weights were taken from it; null for the last step's.</summary>
    public int? BestStep { get; init; }

    /// <summary>The start of the run, or the time of its oldest file.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>Total time of all its sessions.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>Tokens per second of the optimizer steps of all its sessions.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>The settings in its files.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

/// <summary>A folder that looks like a run but cannot be read.</summary>
/// <param name="Folder">Its path.</param>
/// <param name="Reason">One line.</param>
internal sealed record UnreadableRun(string Folder, string Reason);
