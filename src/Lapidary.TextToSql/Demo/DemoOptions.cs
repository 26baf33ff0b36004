namespace Lapidary.TextToSql;

/// <summary>Options of the demonstration.</summary>
public sealed record DemoOptions
{
    /// <summary>Folder for the model, the data, the adapter and the merged model.</summary>
    public string OutputDir { get; init; } = "lapidary-demo";

    /// <summary>Whether to replace an earlier demonstration.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Optimizer steps; at least 1.</summary>
    public int Steps { get; init; } = 600;

    /// <summary>Seed of the weights, the data's order and the training.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Rows excluded from training.</summary>
    internal int HeldOutRows { get; init; } = 40;
}
