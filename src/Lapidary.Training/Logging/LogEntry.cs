using System.Text.Json.Serialization;

namespace Lapidary.Training;

/// <summary>One entry of log_history: a logged training step, or an evaluation.</summary>
public sealed record LogEntry
{
    /// <summary>Optimizer steps done.</summary>
    public int Step { get; init; }

    /// <summary>Passes over the data done.</summary>
    public double Epoch { get; init; }

    /// <summary>Mean loss per trained token since the last entry, in nats.</summary>
    public double? Loss { get; init; }

    /// <summary>Norm of the gradients of the last step, before clipping.</summary>
    public double? GradNorm { get; init; }

    /// <summary>Of the last step.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Tokens so far.</summary>
    public long? NumTokens { get; init; }

    /// <summary>Since the last entry.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Share of trained tokens whose label has the largest logit, since the last entry.</summary>
    public double? MeanTokenAccuracy { get; init; }

    /// <summary>Loss per trained token of the evaluation set, in nats.</summary>
    public double? EvalLoss { get; init; }

    /// <summary>Share of the evaluation set's trained tokens whose label has the largest logit.</summary>
    public double? EvalMeanTokenAccuracy { get; init; }

    /// <summary>Name of the run's metric, such as "sql_execution"; null if none was measured. The file has it as
    /// eval_sql_execution.</summary>
    [JsonIgnore]
    public string? EvalMetric { get; init; }

    /// <summary>Value of the run's metric.</summary>
    [JsonIgnore]
    public double? EvalMetricValue { get; init; }
}
