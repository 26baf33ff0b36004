using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Gemma;

/// <summary>How a model is written as a GGUF file.</summary>
public sealed record GgufExportOptions
{
    /// <summary>Type of the matrices.</summary>
    public GgufType Type { get; init; } = GgufType.Bf16;

    /// <summary>Also write a Modelfile for Ollama to this path; null for none.</summary>
    public string? Modelfile { get; init; }

    /// <summary>general.name of the file; null for the model's folder or id.</summary>
    public string? Name { get; init; }

    /// <summary>Replace existing files.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Fetches the files of an id; null for a client that the environment describes.</summary>
    public HubClient? Hub { get; init; }

    /// <summary>Ends the work with an <see cref="OperationCanceledException"/> and leaves no files.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Told of each tensor written.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }

    /// <summary>Receives what a user of the file should know.</summary>
    public Action<string>? OnNote { get; init; }
}
