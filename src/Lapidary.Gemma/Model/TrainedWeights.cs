using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Model;
using Lapidary.Gemma.Sources;

namespace Lapidary.Gemma;

/// <summary>What a run trains of a model: LoRA's matrices beside a frozen base (<see cref="Adapter"/>), or every weight in place of the
/// base's (<see cref="FullWeights"/>). Values, gradients and moments are fp32.</summary>
public abstract class TrainedWeights : IDisposable
{
    private readonly List<ParameterBlock> _blocks = [];
    private readonly MemoryRegion? _gradients;
    private readonly HashSet<GemmaModel> _models = [];
    private bool _isDisposed;

    /// <summary>Creates weights without parameters.</summary>
    private protected TrainedWeights(GemmaModel model, bool trainable)
    {
        Values = new MemoryRegion(model.Backend.Memory, MemoryOwner.Parameters);
        _gradients = trainable ? new MemoryRegion(model.Backend.Memory, MemoryOwner.Gradients) : null;
    }

    /// <summary>Every matrix once, in a fixed order, which is that of the memory.</summary>
    public IReadOnlyList<Parameter> Parameters => field ??= [.. _blocks.SelectMany(block => block.Parameters)];

    /// <summary>The same in blocks of memory, each of which is updated in one call.</summary>
    public IReadOnlyList<ParameterBlock> Blocks => _blocks;

    /// <summary>Number of trained values.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Value.Count);

    /// <summary>Bytes of the tensors in the files of the result.</summary>
    public abstract long FileBytes { get; }

    /// <summary>The trained embedding, fp32 [vocabulary, hidden], or null.</summary>
    public Parameter? Embedding { get; private protected set; }

    /// <summary>The trained head, fp32 [vocabulary, hidden], or null; the same object as <see cref="Embedding"/> if they are
    /// tied.</summary>
    public Parameter? Head { get; private protected set; }

    /// <summary>Whether embedding and head are one trained matrix.</summary>
    public bool IsTied => Head is not null && ReferenceEquals(Head, Embedding);

    /// <summary>Notes for the user: parts of its files that are not used, or used differently than stated.</summary>
    public IReadOnlyList<string> Notes { get; private protected set; } = [];

    /// <summary>Whether training can change them.</summary>
    internal bool IsTrainable => _gradients is not null;

    /// <summary>Whether the base's own weights are not in use beside them.</summary>
    internal virtual bool ReplacesBase => false;

    /// <summary>The folder or id they were read from; null for new ones.</summary>
    internal ModelSource? Source { get; private protected set; }

    /// <summary>What is known of values that are not finite. Whoever changes values forgets it.</summary>
    internal KnownFault Fault { get; } = new();

    /// <summary>Memory of the values.</summary>
    private protected MemoryRegion Values { get; }

    /// <summary>Writes the result of a run.</summary>
    /// <param name="folder">Receives the files, without a tokenizer.</param>
    /// <param name="model">The base.</param>
    /// <exception cref="LapidaryException">A value is not finite, or a file cannot be written.</exception>
    public abstract void Save(string folder, GemmaModel model);

    /// <summary>Loads saved values of the same shapes.</summary>
    /// <param name="folder">A checkpoint, or a result of the same type.</param>
    /// <param name="model">The base.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, or has other matrices.</exception>
    public abstract void Restore(string folder, GemmaModel model);

    /// <summary>Frees their memory. What generates texts with a model that has them is disposed first: texts that run end with an
    /// <see cref="ObjectDisposedException"/>.</summary>
    /// <exception cref="InvalidOperationException">It is called in a token callback, whose step uses them.</exception>
    public void Dispose()
    {
        GemmaModel[] models;
        lock (_models) models = [.. _models];
        foreach (var model in models) model.OnAdapterDisposing();
        _isDisposed = true;
        Values.Dispose();
        _gradients?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Notes a model that has them attached.</summary>
    /// <exception cref="ObjectDisposedException">They are disposed.</exception>
    internal void AddModel(GemmaModel model)
    {
        ThrowIfDisposed();
        lock (_models) _models.Add(model);
    }

    /// <summary>Forgets a model that has others attached now, or is disposed.</summary>
    internal void RemoveModel(GemmaModel model)
    {
        lock (_models) _models.Remove(model);
    }

    /// <summary>Refuses to be used when they are disposed.</summary>
    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);

    /// <summary>Bytes of all tensors that <see cref="Save"/> or <see cref="SaveCheckpoint"/> writes.</summary>
    internal virtual long BytesToSave(GemmaModel model, bool isCheckpoint) => FileBytes;

    /// <summary>Writes all bits of the values, so that a run can go on from them.</summary>
    internal virtual void SaveCheckpoint(string folder, GemmaModel model) => Save(folder, model);

    /// <summary>The low-rank update of a projection; null if it has none.</summary>
    internal virtual LoraAdapter? AdapterOf(string module) => null;

    /// <summary>The parameter that stands in place of a weight of the base; null if the base's is used.</summary>
    /// <param name="name">Name of the weight's tensor, in canonical spelling.</param>
    internal virtual Parameter? InPlaceOf(string name) => null;

    /// <summary>Adds a block of parameters.</summary>
    private protected ParameterBlock Add(ParameterBlock block)
    {
        _blocks.Add(block);
        return block;
    }

    /// <summary>A new block of parameters.</summary>
    private protected ParameterBlock NewBlock(
        IReadOnlyList<(string Name, long[] Shape)> shapes, bool decays = true, bool isDivisible = true, bool isTokenTable = false) =>
        new(shapes, Values, _gradients) { Decays = decays, IsDivisible = isDivisible, IsTokenTable = isTokenTable };
}
