namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A model whose texts run in the steps of a cache, alone or beside other models over the same weights.</summary>
/// <param name="model">The model, with its adapter.</param>
internal sealed class StepModel(GemmaModel model)
{
    private long _guessed;
    private long _accepted;

    /// <summary>The model.</summary>
    public GemmaModel Model => model;

    /// <summary>Its place among the models of the steps; −1 before it has one.</summary>
    public int Index { get; private set; } = -1;

    /// <summary>The adapter of its rows; −1 for none.</summary>
    public int Adapter { get; private set; } = -1;

    /// <summary>Number of its texts that run.</summary>
    public int Running { get; set; }

    /// <summary>Number of its texts that wait.</summary>
    public int Waiting { get; set; }

    /// <summary>Guessed tokens of its texts that steps have checked, and those of them that were right.</summary>
    public (long Guessed, long Accepted) Guesses => (Interlocked.Read(ref _guessed), Interlocked.Read(ref _accepted));

    /// <summary>Notes its place in new steps.</summary>
    public void Place(int index) => (Index, Adapter) = (index, model.Trained is null ? -1 : index);

    /// <summary>Counts guessed tokens that a step checks.</summary>
    public void AddGuessed(int tokens) => Interlocked.Add(ref _guessed, tokens);

    /// <summary>Counts one that was right.</summary>
    public void AddAccepted() => Interlocked.Increment(ref _accepted);
}
