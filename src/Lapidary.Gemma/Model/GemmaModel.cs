using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Lifetime;
using Lapidary.Gemma.Model;
using Lapidary.Gemma.Sources;

namespace Lapidary.Gemma;

/// <summary>Gemma 3's text decoder with its weights and, if attached, those that a run trains. Training, scoring and generation record the
/// same forward code.</summary>
public sealed class GemmaModel : IDisposable
{
    private readonly IReadOnlyList<DecoderLayer> _layers;
    private readonly IDisposable _owner;
    private readonly StoredMatrix _embedding;
    private readonly StoredMatrix? _lmHead;
    private readonly NormLayer _norm;
    private readonly Tensor _localFrequencies;
    private readonly Tensor _globalFrequencies;
    private readonly bool _sharesWeights;
    private readonly ModelUsers _users;
    private bool _isDisposed;

    internal GemmaModel(GemmaConfig config, IBackend backend, ModelWeights weights)
    {
        Config = config;
        Backend = backend;
        (_owner, _embedding, _lmHead, _layers, _norm) = (weights.Owner, weights.Embedding, weights.LmHead, weights.Layers, weights.Norm);
        EmbeddingScale = weights.EmbeddingScale;
        BaseFault = weights.Fault;
        LinearLayers = [.. _layers.SelectMany(layer => layer.LinearLayers)];
        Region = weights.Region;
        (_sharesWeights, _users) = (weights.Users is not null, weights.Users ?? new ModelUsers());
        _localFrequencies = NewFrequencies("inv_freq.local", config.RopeLocalBaseFreq, factor: 1);
        _globalFrequencies = NewFrequencies("inv_freq.global", config.RopeTheta, config.RopeScalingFactor);
    }

    /// <summary>Loads a Hugging Face folder, or a model of the Hub by its id.</summary>
    /// <param name="folderOrId">A folder with config.json and model.safetensors or its shards; or an id such as "google/gemma-3-1b-pt" or
    /// "owner/name@revision", whose files are downloaded unless they are cached. If a folder has that name, it is used.</param>
    /// <param name="backend">The device to run on.</param>
    /// <param name="options">Quantization and type; null for the checkpoint's own.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, the model is not Gemma 3, or the Hub refused; the message says
    /// what to do.</exception>
    public static GemmaModel Load(string folderOrId, IBackend backend, ModelOptions? options = null)
    {
        options ??= new ModelOptions();
        return CheckpointWeights.Load(ModelSource.Find(folderOrId, HubFiles.Model, options.Hub), backend, options);
    }

    /// <summary>Creates a model with random weights in the backend's memory, without a file, for benchmarks at real size. The loss starts
    /// near ln(vocabulary).</summary>
    /// <param name="config">Sizes, such as <see cref="GemmaConfig.Preset"/>'s.</param>
    /// <param name="backend">The device to run on.</param>
    /// <param name="options">NF4 or plain projections; bf16 if no type is given.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    /// <exception cref="LapidaryException">Not enough memory.</exception>
    public static GemmaModel Random(GemmaConfig config, IBackend backend, ModelOptions options, long seed) =>
        new RandomWeights(config, backend, options, seed).CreateModel();

    /// <summary>Creates a model without weights on a backend that only counts. It allocates the memory of the loaded model.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="counter">From <see cref="IBackend.CreateCounter"/>.</param>
    /// <param name="options">Quantization and type.</param>
    public static GemmaModel Skeleton(GemmaConfig config, IBackend counter, ModelOptions options) =>
        new CountedWeights(config, counter, options with { Progress = null }).CreateModel(); // nothing to wait for

    /// <summary>The folder it was loaded from; empty for a model that was created here.</summary>
    public string Folder { get; internal init; } = "";

    /// <summary>The folder or id it was loaded from, as given; empty for a model that was created here.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>How it was loaded.</summary>
    internal ModelOptions Options { get; init; } = new();

    /// <summary>The source of its weights.</summary>
    internal WeightSource? Source { get; init; }

    /// <summary>Notes for the user: contradictions between its files, and how they were resolved.</summary>
    public IReadOnlyList<string> Notes { get; internal init; } = [];

    /// <summary>config.json; with the head untied if the weights contain a separate one.</summary>
    public GemmaConfig Config { get; }

    /// <summary>The device of the weights and the computation.</summary>
    public IBackend Backend { get; }

    /// <summary>The adapter in use, null for the base model.</summary>
    public Adapter? Adapter => Trained as Adapter;

    /// <summary>The trained weights in use: an adapter, or all weights; null for the base model.</summary>
    public TrainedWeights? Trained { get; private set; }

    /// <summary>[vocabulary, hidden] of the base; copied to the backend on first use.</summary>
    public Tensor EmbedTokens => _embedding.OnBackend.Value;

    /// <summary>The base's embedding.</summary>
    internal StoredMatrix EmbeddingTable => _embedding;

    /// <summary>The base's head; the embedding if it is tied.</summary>
    internal StoredMatrix HeadTable => _lmHead ?? _embedding;

    /// <summary>[vocabulary, hidden] of the base; the embedding if the head is tied.</summary>
    public Tensor LmHead => HeadTable.OnBackend.Value;

    /// <summary>Factor of embeddings: √hidden, rounded to the compute type.</summary>
    public float EmbeddingScale { get; }

    /// <summary>Every projection of every layer, in order.</summary>
    public IReadOnlyList<LinearLayer> LinearLayers { get; }

    /// <summary>Every norm, in order.</summary>
    internal IEnumerable<NormLayer> Norms => _layers.SelectMany(layer => layer.Norms).Append(_norm);

    /// <summary>What is known of numbers of the base that are not finite.</summary>
    internal KnownFault BaseFault { get; }

    /// <summary>Memory of the base.</summary>
    internal MemoryRegion Region { get; }

    /// <summary>Attaches an adapter or trained weights, or detaches them (null). Programs recorded earlier keep those that they were
    /// recorded with: so dispose those only when no text runs with them.</summary>
    /// <exception cref="ObjectDisposedException">They are disposed.</exception>
    public void Attach(TrainedWeights? weights)
    {
        weights?.AddModel(this);
        if (!ReferenceEquals(weights, Trained)) Trained?.RemoveModel(this);
        Trained = weights;
        foreach (var layer in LinearLayers) layer.Attach(weights);
        foreach (var norm in Norms) norm.Attach(weights);
    }

    /// <summary>A second model over the same weights in memory, for another adapter or other trained weights; it has none yet. Dispose
    /// it before this one, which owns the weights.</summary>
    /// <exception cref="ObjectDisposedException">This one is disposed, or the one that owns the weights.</exception>
    public GemmaModel ShareWeights()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _users.ThrowIfEnded(this);
        var own = new MemoryRegion(Backend.Memory, MemoryOwner.Base);
        var weights = new ModelWeights
        {
            Owner = own,
            Region = own,
            Embedding = _embedding,
            EmbeddingScale = EmbeddingScale,
            LmHead = _lmHead,
            Layers = [.. _layers.Select(layer => layer.Share())],
            Norm = _norm.Share(),
            Fault = BaseFault,
            Users = _users,
        };
        return new GemmaModel(Config, Backend, weights)
        {
            Folder = Folder,
            Name = Name,
            Options = Options,
            Source = Source,
            Notes = Notes,
        };
    }

    /// <summary>Whether another model is over the same weights in memory.</summary>
    internal bool SharesWeightsWith(GemmaModel other) => ReferenceEquals(_embedding, other._embedding);

    /// <summary>The head in use: the trained head if there is one.</summary>
    public Tensor Head => Trained?.Head?.Value ?? LmHead;

    /// <summary>Ids to the final norm's output, over whole documents.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="inputs">Ids, positions and document starts.</param>
    /// <param name="recomputedLayers">Number of layers, counted from the first, that keep only their input and run again in the backward
    /// pass (gradient checkpointing). No bits depend on it.</param>
    /// <param name="onHiddenState">Called with the embedding and every layer's output, in order; for tests and inspection.</param>
    /// <returns>[tokens, hidden].</returns>
    public Tensor Forward(Tape tape, StepInputs inputs, int recomputedLayers = 0, Action<Tensor>? onHiddenState = null)
    {
        var ropes = Rotary(tape, inputs.Positions);
        var h = Embed(tape, inputs.Ids);
        onHiddenState?.Invoke(h);
        for (int i = 0; i < _layers.Count; i++)
        {
            var (layer, rope) = (_layers[i], ropes[Config.LayerTypes[i]]);
            Tensor Block(Tape t, Tensor x) => layer.Forward(t, x, rope, inputs.DocumentStarts);
            h = i < recomputedLayers ? tape.Recompute(h, Block) : Block(tape, h);
            onHiddenState?.Invoke(h);
        }

        return _norm.Forward(tape, h, (float)Config.RmsNormEps);
    }

    /// <summary>Ids to the final norm's output, over tokens that continue texts of a cache. For inference only.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="inputs">The cache, ids, positions, slots and adapters.</param>
    /// <returns>[tokens, hidden].</returns>
    internal Tensor Forward(Tape tape, CachedInputs inputs)
    {
        var ropes = Rotary(tape, inputs.Positions);
        var h = Embed(tape, inputs.Ids);
        var x = _layers[0].InputLayernorm.Forward(tape, h, (float)Config.RmsNormEps, product: _layers[0].QProj.Weight);
        for (int i = 0; i < _layers.Count; i++)
        {
            var (norm, product) = i + 1 < _layers.Count
                ? (_layers[i + 1].InputLayernorm, _layers[i + 1].QProj.Weight)
                : (_norm, tape.HasIndependentRows ? Head : null); // other steps have no logits
            (h, x) = _layers[i].Continue(tape, h, x, ropes[Config.LayerTypes[i]], inputs, inputs.Cache[i], norm, product);
        }

        return x;
    }

    /// <summary>Logits of some rows of the final norm's output.</summary>
    /// <returns>fp32 [rows, vocabulary].</returns>
    public Tensor Logits(Tape tape, Tensor h)
    {
        var logits = tape.New(DType.Float32, h.AsRows().Rows, Head.Shape[0]);
        Projection[] head = [new Projection(Head, null) { WeightGradient = Trained?.Head?.Gradient }];
        if (tape.HasIndependentRows) tape.Run(ops => ops.ProjectRows(h, head, [logits]));
        else tape.Run(ops => ops.LinearForward(h, head[0].Weight, logits));
        return logits;
    }

    /// <summary>Notes what generates texts with this model and is disposed before it at the latest.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed, or the adapter that it has.</exception>
    internal void AddUser(IDisposable user)
    {
        _users.Add(this, user, ThrowIfDisposed);
        Backend.Memory.Closing += OnBackendDisposing;
    }

    /// <summary>Forgets a user that is disposed.</summary>
    internal void RemoveUser(IDisposable user)
    {
        if (_users.Remove(user)) Backend.Memory.Closing -= OnBackendDisposing;
    }

    /// <summary>Ends all texts of this model because the adapter that it has is disposed.</summary>
    internal void OnAdapterDisposing() => _users.End(this, Backend, "the adapter");

    /// <summary>Frees the model. What still generates texts with it is disposed first: texts that run end with an
    /// <see cref="ObjectDisposedException"/>. The model that owns the weights ends those of all models that share them.</summary>
    /// <exception cref="InvalidOperationException">It is called in a token callback, whose step uses the model.</exception>
    public void Dispose()
    {
        _users.End(_sharesWeights ? this : null, Backend, "the model", first: () => _isDisposed = true);
        Trained?.RemoveModel(this);
        _owner.Dispose();
    }

    /// <summary>Ends all texts of this model because its backend is disposed.</summary>
    private void OnBackendDisposing(object? sender, EventArgs e) => _users.End(this, Backend, "the backend");

    /// <summary>Refuses to be used when it is disposed, or the adapter that it has.</summary>
    private void ThrowIfDisposed()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Trained?.ThrowIfDisposed();
    }

    private Tensor Embed(Tape tape, Tensor ids)
    {
        var embedding = Trained?.Embedding;
        return Ops.Embedding(tape, ids, embedding?.Value ?? EmbedTokens, EmbeddingScale, embedding?.Gradient);
    }

    private Dictionary<LayerType, RotaryTable> Rotary(Tape tape, Tensor positions) => new()
    {
        [LayerType.Sliding] = Ops.RopeTable(tape, positions, _localFrequencies),
        [LayerType.Full] = Ops.RopeTable(tape, positions, _globalFrequencies),
    };

    /// <summary>θ^(−2j / headDim) / factor in fp32, as transformers computes it.</summary>
    private Tensor NewFrequencies(string name, double theta, double factor)
    {
        int half = Config.HeadDim / 2;
        var values = new float[half];
        for (int j = 0; j < half; j++) values[j] = 1f / MathF.Pow((float)theta, 2f * j / Config.HeadDim) / (float)factor;
        var tensor = Region.New(name, DType.Float32, half);
        Backend.Write<float>(values, tensor);
        return tensor;
    }
}
