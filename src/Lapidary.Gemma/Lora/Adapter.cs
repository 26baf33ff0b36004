using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>LoRA's matrices for a model, plus the embedding and head if they are trained too (modules_to_save).</summary>
/// <remarks>If both the embedding and the head are saved and <see cref="LoraConfig.EnsureWeightTying"/> holds, they are ONE matrix that
/// receives both gradients, so that the merged model stays tied like the base.</remarks>
public sealed class Adapter : TrainedWeights
{
    private readonly Dictionary<string, LoraAdapter> _layers = [];

    private Adapter(GemmaModel model, LoraConfig config, bool trainable) : base(model, trainable)
    {
        Config = config;
        DropoutSeed = Values.New("dropout_seed", DType.Int64, 2);
    }

    /// <summary>adapter_config.json.</summary>
    public LoraConfig Config { get; }

    /// <summary>Its settings with the name of its base.</summary>
    internal LoraConfig ConfigOver(GemmaModel model) => Config.BaseModelNameOrPath is null ? Config.WithBase(model.Name) : Config;

    /// <summary>Bytes of adapter_model.safetensors' tensors.</summary>
    public override long FileBytes => 4 * (ParameterCount + (IsTied ? Head!.Value.Count : 0));

    /// <summary>Int64 [2], for dropout: the step's seed, and the place of the run's first token among the tokens of the step.</summary>
    public Tensor DropoutSeed { get; }

    /// <summary>The base's module names that have LoRA matrices, in order.</summary>
    public IEnumerable<string> TargetedModules => _layers.Keys;

    /// <summary>A new adapter: A uniform in ±1/√in (PEFT's kaiming_uniform with a = √5), B zero, saved modules copied from the base. A
    /// module with a number that is not finite is refused, because training could not continue from it.</summary>
    /// <param name="model">The base.</param>
    /// <param name="config">What to adapt.</param>
    /// <param name="seed">Seed of A's values.</param>
    /// <exception cref="LapidaryException">A setting is out of range or names no module, a module to save is not supported, or there is
    /// not memory enough.</exception>
    public static Adapter Create(GemmaModel model, LoraConfig config, long seed) => MakeNew(model, config, adapter =>
    {
        int stream = 0;
        foreach (var layer in adapter._layers.Values) Initialize(layer.A.Value, new StableRandom(seed, stream++), model.Backend);
        if (adapter.Embedding is { } embedding) model.EmbeddingTable.WidenTo(embedding.Value, model);
        if (adapter.Head is { } head && !adapter.IsTied) model.HeadTable.WidenTo(head.Value, model);
    });

    /// <summary>A new adapter with zero values, for a model without weights.</summary>
    /// <param name="model">A <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="config">What to adapt.</param>
    /// <exception cref="LapidaryException">A setting is out of range or names no module, a module to save is not supported, or there is
    /// not memory enough.</exception>
    public static Adapter Skeleton(GemmaModel model, LoraConfig config) => MakeNew(model, config, _ => { });

    /// <summary>An adapter that is used and not trained, without values, for a model without weights.</summary>
    /// <param name="model">A <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="config">A saved adapter's, or a new one's.</param>
    /// <exception cref="LapidaryException">As for <see cref="Skeleton"/>.</exception>
    internal static Adapter UsedSkeleton(GemmaModel model, LoraConfig config) => Make(model, config, trainable: false, _ => { });

    /// <summary>Reads a PEFT adapter.</summary>
    /// <param name="model">Its base. The base's client also downloads an adapter given by id.</param>
    /// <param name="folderOrId">A folder with adapter_config.json and adapter_model.safetensors, or an id of the Hub, whose files are
    /// downloaded unless they are cached.</param>
    /// <param name="trainable">Whether to train on from it.</param>
    /// <param name="loraDropout">Its lora_dropout from now on, which affects training only; null for the value of the file.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, or does not fit the model; or the Hub refused.</exception>
    public static Adapter Load(GemmaModel model, string folderOrId, bool trainable = false, double? loraDropout = null)
    {
        var source = ModelSource.Find(folderOrId, HubFiles.Adapter, model.Options.Hub);
        using var files = AdapterFiles.Open(source.Folder, model.Config);
        var config = files.Config;
        if (trainable) files.RequireListed();
        if (loraDropout is { } dropout) config = config with { LoraDropout = dropout };
        return Make(model, config, trainable, adapter =>
        {
            files.Read(adapter, model.Backend);
            adapter.Notes = files.Notes;
            adapter.Source = source;
        });
    }

    /// <summary>Writes adapter_config.json and adapter_model.safetensors as PEFT reads them.</summary>
    public override void Save(string folder, GemmaModel model) => AdapterFiles.Write(folder, this, model);

    /// <inheritdoc/>
    public override void Restore(string folder, GemmaModel model)
    {
        using var files = AdapterFiles.Open(folder, model.Config);
        files.Read(this, model.Backend);
        Fault.Forget();
    }

    /// <inheritdoc/>
    internal override LoraAdapter? AdapterOf(string module) => _layers.GetValueOrDefault(module);

    /// <summary>A new adapter follows its settings; an existing one follows its file.</summary>
    private static Adapter MakeNew(GemmaModel model, LoraConfig config, Action<Adapter> fill)
    {
        new ModuleNames(model.Config).Check(config);
        return Make(model, config, trainable: true, fill);
    }

    /// <summary>Allocates an adapter and sets its values. If that fails, frees everything allocated so far.</summary>
    private static Adapter Make(GemmaModel model, LoraConfig config, bool trainable, Action<Adapter> fill)
    {
        config.Validate();
        var adapter = new Adapter(model, config, trainable);
        try
        {
            adapter.AddLayers(model);
            adapter.AddSavedModules(model);
            fill(adapter);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
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
        var names = new ModuleNames(model.Config);
        LinearLayer[] layers = [.. model.LinearLayers.Where(layer => names.IsTargeted(Config, layer.Name))];
        if (layers.Length == 0)
        {
            throw new LapidaryException(
                $"TargetModules matches no layer; expected some of {string.Join(", ", LayerTensors.ProjectionNames)}.");
        }

        var parameters = Add(NewBlock([.. layers.SelectMany<LinearLayer, (string, long[])>(layer =>
        [
            ($"{layer.Name}.lora_A.weight", [Config.RankFor(names.Spellings(layer.Name)), layer.Shape[1]]),
            ($"{layer.Name}.lora_B.weight", [layer.Shape[0], Config.RankFor(names.Spellings(layer.Name))]),
        ])], isDivisible: false)).Parameters;
        for (int i = 0; i < layers.Length; i++)
        {
            var dropout = IsTrainable && Config.LoraDropout > 0 ? new Dropout((float)Config.LoraDropout, DropoutSeed, i) : null;
            string name = layers[i].Name;
            float scale = (float)Config.ScalingFor(names.Spellings(name));
            _layers.Add(name, new LoraAdapter(parameters[2 * i], parameters[2 * i + 1], scale, dropout));
        }
    }

    private void AddSavedModules(GemmaModel model)
    {
        var names = new ModuleNames(model.Config);
        var saved = names.SavedWhole(Config);
        bool embedding = saved.Contains(ModuleNames.EmbedTokens), head = saved.Contains(ModuleNames.LmHead);
        bool tied = names.IsTied(Config) && embedding;
        if (embedding) Embedding = NewParameter(TensorNames.Embedding, model.Config.VocabSize, model.Config.HiddenSize);
        if (tied) Head = Embedding;
        else if (head) Head = NewParameter(TensorNames.Head, model.Config.VocabSize, model.Config.HiddenSize);
    }

    private Parameter NewParameter(string name, long rows, long columns) =>
        Add(NewBlock([(name, [rows, columns])], isTokenTable: true)).Parameters[0];
}
