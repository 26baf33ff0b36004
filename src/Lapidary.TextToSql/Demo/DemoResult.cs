namespace Lapidary.TextToSql;

/// <summary>The results of the demonstration.</summary>
public sealed record DemoResult
{
    /// <summary>Its folder.</summary>
    public required string OutputDir { get; init; }

    /// <summary>Folder of the pre-trained model.</summary>
    public required string Model { get; init; }

    /// <summary>Folder of the adapter.</summary>
    public required string Adapter { get; init; }

    /// <summary>Folder of the merged model.</summary>
    public required string Merged { get; init; }

    /// <summary>The sample's tables as an SQLite file.</summary>
    public required string Tables { get; init; }

    /// <summary>Number of the model's parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Number of trained parameters.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Rows of the training set and of the test set.</summary>
    public required (int Train, int Test) Rows { get; init; }

    /// <summary>Optimizer steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Accuracy on the test rows before training, of the model in NF4.</summary>
    public required SqlAccuracy Before { get; init; }

    /// <summary>Accuracy on the test rows after training, of the model in NF4 with its adapter.</summary>
    public required SqlAccuracy After { get; init; }

    /// <summary>Largest difference between the logits of the merged model and those of base and adapter.</summary>
    public required float MergeDistance { get; init; }

    /// <summary>A question of the test rows, the expected query and the query that the merged model wrote.</summary>
    public required (string Question, string Expected, string Generated) Sample { get; init; }

    /// <summary>Wall-clock time of all steps.</summary>
    public required TimeSpan Elapsed { get; init; }
}
