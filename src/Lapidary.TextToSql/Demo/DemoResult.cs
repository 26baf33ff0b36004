namespace Lapidary.TextToSql;

/// <summary>The results of the demonstration.</summary>
public sealed record DemoResult
{
    /// <summary>Its folder.</summary>
    public required string OutputDir { get; init; }

    /// <summary>Number of the model's parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Number of trained parameters.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Rows of the training set and of the held-out set.</summary>
    public required (int Train, int HeldOut) Rows { get; init; }

    /// <summary>Bytes of the projections, in bf16 and in NF4 with its scales.</summary>
    public required (long BFloat16, long Nf4) ProjectionBytes { get; init; }

    /// <summary>Optimizer steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Score of the held-out rows before training, on the NF4 base.</summary>
    public required DemoScore Before { get; init; }

    /// <summary>Score of the held-out rows after training, on the NF4 base with its adapter.</summary>
    public required DemoScore After { get; init; }

    /// <summary>Score of the held-out rows on the merged model.</summary>
    public required DemoScore Merged { get; init; }

    /// <summary>Largest difference between the logits of the merged model and those of base and adapter.</summary>
    public required float MergeDistance { get; init; }

    /// <summary>A held-out question, the expected query and the generated one.</summary>
    public required (string Question, string Expected, string Generated) Sample { get; init; }

    /// <summary>Number of held-out questions answered word for word, and number of questions.</summary>
    public required (int Right, int Asked) Exact { get; init; }

    /// <summary>Wall-clock time of all steps.</summary>
    public required TimeSpan Elapsed { get; init; }
}

/// <summary>How well a model predicts the queries of the held-out rows.</summary>
/// <param name="Loss">Nats per token.</param>
/// <param name="Accuracy">Share of tokens predicted correctly.</param>
public sealed record DemoScore(double Loss, double Accuracy);
