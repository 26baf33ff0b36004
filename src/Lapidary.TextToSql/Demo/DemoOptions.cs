namespace Lapidary.TextToSql;

/// <summary>Options of the demonstration.</summary>
public sealed record DemoOptions
{
    /// <summary>Folder for the model, the data, the adapter and the merged model.</summary>
    public string OutputDir { get; init; } = "lapidary-demo";

    /// <summary>Whether to replace an earlier demonstration.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Optimizer steps, at least 1; null for as many as this machine does in about 75 seconds.</summary>
    public int? Steps { get; init; }

    /// <summary>Seed of the data, their order and the training.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Rows to train on.</summary>
    internal int TrainRows { get; init; } = 3000;

    /// <summary>Rows to evaluate on, about tables that no row of the training has.</summary>
    internal int TestRows { get; init; } = 100;

    /// <summary>Writes the model's folder.</summary>
    internal Action<string> WriteModel { get; init; } = Gemlet.Write;
}
