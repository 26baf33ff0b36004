using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>LoRA's matrices for a model, and the embedding and head where they are trained too (modules_to_save).</summary>
/// <remarks>Where both the embedding and the head are saved and <see cref="LoraConfig.EnsureWeightTying"/> holds, they are ONE matrix that
/// gets both gradients, so that the merged model keeps the base's tied shape.</remarks>
public sealed class Adapter : IDisposable
{
    private const string EmbedTokens = "embed_tokens", LmHead = "lm_head";

    private readonly MemoryRegion _values;
    private readonly MemoryRegion _gradients;
    private readonly Dictionary<string, LoraAdapter> _layers = [];
    private readonly List<ParameterBlock> _blocks = [];
    private readonly bool _trainable;

    private Adapter(GemmaModel model, LoraConfig config, bool trainable)
    {
        Config = config;
        _trainable = trainable;
        _values = new MemoryRegion(model.Backend.Memory, MemoryOwner.Parameters);
        _gradients = new MemoryRegion(model.Backend.Memory, MemoryOwner.Gradients);
        DropoutSeed = _values.New("dropout_seed", DType.Int64, 1);
    }

    /// <summary>adapter_config.json.</summary>
    public LoraConfig Config { get; }

    /// <summary>The folder it was read from; null for a new one.</summary>
    internal string? Folder { get; private set; }

    /// <summary>Every matrix once, in a fixed order: lora_A and lora_B of each layer, then the saved modules.</summary>
    public IReadOnlyList<Parameter> Parameters { get; private set; } = [];

    /// <summary>The same as they lie in memory: LoRA's matrices in one block, each saved module in one of its own.</summary>
    public IReadOnlyList<ParameterBlock> Blocks => _blocks;

    /// <summary>Number of trained values.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Value.Count);

    /// <summary>Bytes of adapter_model.safetensors' tensors.</summary>
    public long FileBytes => 4 * (ParameterCount + (IsTied ? Head!.Value.Count : 0));

    /// <summary>The trained embedding, fp32 [vocabulary, hidden], or null.</summary>
    public Parameter? Embedding { get; private set; }

    /// <summary>The trained head, fp32 [vocabulary, hidden], or null; the same object as <see cref="Embedding"/> where they are
    /// tied.</summary>
    public Parameter? Head { get; private set; }

    /// <summary>Whether embedding and head are one trained matrix.</summary>
    public bool IsTied => Head is not null && ReferenceEquals(Head, Embedding);

    /// <summary>Int64 [1]: the step's seed of dropout.</summary>
    public Tensor DropoutSeed { get; }

    /// <summary>The base's module names that have LoRA matrices, in order.</summary>
    public IEnumerable<string> TargetedModules => _layers.Keys;

    /// <summary>A new adapter: A uniform in ±1/√in (PEFT's kaiming_uniform with a = √5), B zero, saved modules copied from the
    /// base.</summary>
    /// <param name="model">The base.</param> <param name="config">What to adapt.</param> <param name="seed">Of A's values.</param>
    /// <exception cref="LapidaryException">A setting is out of range, no module matches, a module to save is not supported, or there is not
    /// memory enough.</exception>
    public static Adapter Create(GemmaModel model, LoraConfig config, long seed) => Make(model, config, trainable: true, adapter =>
    {
        int stream = 0;
        foreach (var layer in adapter._layers.Values) Initialize(layer.A.Value, new StableRandom(seed, stream++), model.Backend);
        if (adapter.Embedding is { } embedding) FillEmbedding(embedding.Value, model);
        if (adapter.Head is { } head && !adapter.IsTied) TensorStream.Widen(model.LmHead, head.Value, model.Backend);
    });

    /// <summary>A new adapter all of whose values are zero, for a model without weights.</summary>
    /// <param name="model">A <see cref="GemmaModel.Skeleton"/>.</param> <param name="config">What to adapt.</param>
    /// <exception cref="LapidaryException">A setting is out of range, no module matches, a module to save is not supported, or there is not
    /// memory enough.</exception>
    public static Adapter Skeleton(GemmaModel model, LoraConfig config) => Make(model, config, trainable: true, _ => { });

    /// <summary>Reads a PEFT adapter.</summary>
    /// <param name="model">Its base.</param> <param name="folder">Holds adapter_config.json and adapter_model.safetensors.</param>
    /// <param name="trainable">Whether to train on from it.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, or does not fit the model.</exception>
    public static Adapter Load(GemmaModel model, string folder, bool trainable = false) =>
        Make(model, AdapterConfigFile.Read(folder), trainable, adapter =>
        {
            AdapterFiles.Read(folder, adapter, model);
            adapter.Folder = folder;
        });

    /// <summary>Writes adapter_config.json and adapter_model.safetensors as PEFT reads them.</summary>
    public void Save(string folder, GemmaModel model) => AdapterFiles.Write(folder, this, model);

    /// <summary>Takes over the values of a saved adapter of the same shape.</summary>
    /// <param name="folder">Holds adapter_model.safetensors.</param> <param name="model">The base.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, or has other matrices.</exception>
    public void Restore(string folder, GemmaModel model) => AdapterFiles.Read(folder, this, model);

    /// <summary>The adapter of one projection, null where it has none.</summary>
    internal LoraAdapter? For(string module) => _layers.GetValueOrDefault(module);

    /// <inheritdoc/>
    public void Dispose()
    {
        _values.Dispose();
        _gradients.Dispose();
    }

    /// <summary>Allocates an adapter and gives it its values. Where that fails, what there was of it is freed.</summary>
    private static Adapter Make(GemmaModel model, LoraConfig config, bool trainable, Action<Adapter> fill)
    {
        config.Validate();
        var adapter = new Adapter(model, config, trainable);
        try
        {
            adapter.AddLayers(model);
            adapter.AddSavedModules(model);
            adapter.Parameters = [.. adapter._blocks.SelectMany(block => block.Parameters)];
            fill(adapter);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>From host memory where it is there, so that the base's embedding need not lie in the backend's memory beside the trained
    /// one.</summary>
    private static void FillEmbedding(Tensor target, GemmaModel model)
    {
        if (model.HostEmbedTokens is { } host) TensorStream.WidenHost(host, target, model.Backend);
        else TensorStream.Widen(model.EmbedTokens, target, model.Backend);
    }

    private static void Initialize(Tensor a, StableRandom random, IBackend backend)
    {
        double bound = 1 / Math.Sqrt(a.Shape[1]);
        var values = new float[a.Count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)((random.NextDouble() * 2 - 1) * bound);
        backend.Write<float>(values, a);
    }

    private void AddLayers(GemmaModel model)
    {
        LinearLayer[] layers = [.. model.LinearLayers.Where(layer => IsTargeted(layer.Name, model))];
        if (layers.Length == 0)
        {
            throw new LapidaryException(
                $"target_modules matches no layer; expected some of {string.Join(", ", LayerTensors.ProjectionNames)}.");
        }

        var parameters = NewBlock([.. layers.SelectMany<LinearLayer, (string, long[])>(layer =>
        [
            ($"{layer.Name}.lora_A.weight", [Config.RankFor(layer.Name), layer.Weight.Shape[1]]),
            ($"{layer.Name}.lora_B.weight", [layer.Weight.Shape[0], Config.RankFor(layer.Name)]),
        ])]).Parameters;
        for (int i = 0; i < layers.Length; i++)
        {
            var dropout = _trainable && Config.LoraDropout > 0 ? new Dropout((float)Config.LoraDropout, DropoutSeed, i) : null;
            string name = layers[i].Name;
            _layers.Add(name, new LoraAdapter(parameters[2 * i], parameters[2 * i + 1], (float)Config.ScalingFor(name), dropout));
        }
    }

    /// <summary>A pattern may spell a multimodal model's names as transformers does, under language_model.</summary>
    private bool IsTargeted(string module, GemmaModel model) => Config.Matches(module)
        || (model.Config.IsMultimodal && Config.Matches(TensorNames.ToStyle(module, TensorNameStyle.Multimodal)));

    private void AddSavedModules(GemmaModel model)
    {
        bool embedding = false, head = false;
        foreach (string module in Config.ModulesToSave ?? [])
        {
            string last = module[(module.LastIndexOf('.') + 1)..];
            if (last == EmbedTokens) embedding = true;
            else if (last == LmHead) head = true;
            else
            {
                throw new LapidaryException(
                    $"modules_to_save names {module}; only {LmHead} and {EmbedTokens} can be trained whole. "
                    + "Use target_modules for the rest.");
            }
        }

        bool tied = Config.EnsureWeightTying && model.Config.TieWordEmbeddings && (embedding || head);
        if (embedding || tied) Embedding = NewParameter(TensorNames.Embedding, model.Config.VocabSize, model.Config.HiddenSize);
        if (tied) Head = Embedding;
        else if (head) Head = NewParameter(TensorNames.Head, model.Config.VocabSize, model.Config.HiddenSize);
    }

    private Parameter NewParameter(string name, long rows, long columns) => NewBlock([(name, [rows, columns])]).Parameters[0];

    private ParameterBlock NewBlock(IReadOnlyList<(string Name, long[] Shape)> shapes)
    {
        var block = new ParameterBlock(shapes, _values, _trainable ? _gradients : null);
        _blocks.Add(block);
        return block;
    }
}
