using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Lora;

/// <summary>adapter_model.safetensors and adapter_config.json: PEFT's names for an <see cref="Adapter"/>'s matrices.</summary>
internal sealed class AdapterFiles : IDisposable
{
    public const string WeightsName = "adapter_model.safetensors";

    private const string PickleName = "adapter_model.bin";

    private static readonly string[] VisionParts = ["vision_tower", "multi_modal_projector"];

    private readonly GemmaConfig _model;
    private readonly SafetensorsFile _file;
    private readonly List<string> _notes = [];

    /// <summary>Canonical name → the file's.</summary>
    private readonly Dictionary<string, string> _names = [];

    private AdapterFiles(string folder, GemmaConfig model)
    {
        _model = model;
        var unknown = new List<string>();
        Config = AdapterConfigFile.Read(folder, unknown);
        if (unknown.Count > 0)
        {
            _notes.Add($"{folder}: {AdapterConfigFile.FileName} has keys that PEFT {AdapterConfigFile.PeftVersion} does not know, "
                + $"and that change nothing here: {string.Join(", ", unknown.Select(Shown))}.");
        }

        string path = Path.Combine(folder, WeightsName);
        if (!File.Exists(path) && File.Exists(Path.Combine(folder, PickleName)))
        {
            throw new LapidaryException(
                $"{folder}: expected {WeightsName}, found {PickleName}, a pickle file, which could run code; "
                + "save the adapter as safetensors with PEFT: save_pretrained(folder, safe_serialization=True).");
        }

        _file = SafetensorsFile.Open(path);
    }

    /// <summary>The adapter's settings, plus modules that the file contains although modules_to_save does not list them.</summary>
    public LoraConfig Config { get; private set; }

    /// <summary>Notes for the user.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Opens an adapter's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">config.json of its base.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, or has a tensor of another model.</exception>
    public static AdapterFiles Open(string folder, GemmaConfig model)
    {
        var files = new AdapterFiles(folder, model);
        try
        {
            files.FindNames();
            files.AddUnlisted();
            foreach (string idle in new ModuleNames(model).IdlePatterns(files.Config))
                files._notes.Add($"{folder}: {AdapterConfigFile.FileName}: {idle}");
            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Writes both files; the matrix of a tied embedding and head stands under both names, as PEFT saves it.</summary>
    /// <exception cref="LapidaryException">A value is not finite, or a file cannot be written.</exception>
    public static void Write(string folder, Adapter adapter, GemmaModel model)
    {
        var tensors = Tensors(adapter, model).OrderBy(pair => pair.Name, StringComparer.Ordinal).ToArray();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, WeightsName), [.. tensors.Select(pair => pair.Value.Declare(pair.Name))]);
        foreach (var (name, value) in tensors) writer.Write(name, stream => TensorStream.WriteFinite(value, stream, model.Backend));
        writer.Complete();
        AdapterConfigFile.Write(folder, ConfigFor(adapter, model));
    }

    /// <summary>Fills the adapter's matrices.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="backend">The backend that has them.</param>
    /// <exception cref="LapidaryException">A matrix is missing, has another shape or is not finite, or the file has one that the adapter
    /// does not have.</exception>
    public void Read(Adapter adapter, IBackend backend)
    {
        if (adapter.IsTied) RequireOneMatrix("lists both as one matrix (\"ensure_weight_tying\": true)", "set that to false there");
        foreach (var parameter in adapter.Parameters)
        {
            // A tied matrix may be stored under either name.
            string? name = _names.GetValueOrDefault(parameter.Name)
                ?? (ReferenceEquals(parameter, adapter.Head) ? _names.GetValueOrDefault(TensorNames.Head) : null)
                ?? throw new LapidaryException(
                    $"{_file.Path}: tensor {TensorNames.PeftPrefix}{parameter.Name} is missing; "
                    + "save the adapter again or choose another one.");
            TensorStream.Load(_file, name, parameter.Value, backend);
        }

        var known = Tensors(adapter, model: null).Select(pair => pair.Name).ToHashSet();
        if (_names.Keys.FirstOrDefault(canonical => !known.Contains(canonical)) is { } extra)
        {
            throw new LapidaryException(
                $"{_file.Path}: tensor {Shown(_names[extra])} has no place in the adapter that {AdapterConfigFile.FileName} describes.");
        }
    }

    /// <summary>Refuses to train on from an adapter with a matrix that PEFT would use but not train.</summary>
    /// <exception cref="LapidaryException">It has one.</exception>
    public void RequireListed()
    {
        if (Unlisted is not { } tensor) return;
        throw new LapidaryException(
            $"{_file.Path}: holds {tensor}, which \"modules_to_save\" of {AdapterConfigFile.FileName} does not list: such an adapter can "
            + "be used and merged, but not trained on from. List embed_tokens or lm_head there to train it too, "
            + "or merge the adapter first.");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>The first whole matrix that the settings did not list.</summary>
    private string? Unlisted { get; set; }

    /// <summary>A vision tower's matrices are left out, with a note.</summary>
    private void FindNames()
    {
        var vision = new List<string>();
        foreach (var entry in _file.Entries)
        {
            if (TensorNames.TryNormalizeAdapter(entry.Name, out string? canonical))
            {
                if (_names.TryAdd(canonical, entry.Name)) continue;
                throw new LapidaryException(
                    $"{_file.Path}: tensors {Shown(_names[canonical])} and {Shown(entry.Name)} are the same one of Gemma; "
                    + "save the adapter again.");
            }

            if (!entry.Name.StartsWith(TensorNames.PeftPrefix, StringComparison.Ordinal)
                || !entry.Name.Split('.').Any(VisionParts.Contains))
            {
                throw new LapidaryException(
                    $"{_file.Path}: tensor {Shown(entry.Name)} belongs to no part of Gemma; is this another model's adapter?");
            }

            vision.Add(entry.Name);
        }

        if (vision.Count > 0)
        {
            _notes.Add($"{_file.Path}: {vision.Count} tensors of the vision tower ({Shown(vision[0])} and so on) are left out: "
                + "text alone is computed, and a merged model keeps the base's vision tower.");
        }
    }

    /// <summary>PEFT saves the embedding and the head of a model whose vocabulary has grown (save_embedding_layers) and uses them instead
    /// of the base's: for both in a tied model, unless one of them has a separate copy.</summary>
    private void AddUnlisted()
    {
        var names = new ModuleNames(_model);
        var listed = names.SavedWhole(Config);
        string[] added =
        [
            .. new[] { (ModuleNames.EmbedTokens, TensorNames.Embedding), (ModuleNames.LmHead, TensorNames.Head) }
                .Where(module => _names.ContainsKey(module.Item2) && !listed.Contains(module.Item1)).Select(module => module.Item1),
        ];
        if (added.Length == 0) return;
        bool tied = listed.Count == 0 && _model.TieWordEmbeddings;
        if (tied) RequireOneMatrix("lists neither in \"modules_to_save\"", "list both there");

        Unlisted = string.Join(" and ", added);
        _notes.Add($"{_file.Path}: holds {Unlisted} without listing it in \"modules_to_save\"; "
            + "it is used in place of the base's, as PEFT does.");
        Config = Config with
        {
            ModulesToSave = [.. Config.ModulesToSave ?? [], .. added],
            EnsureWeightTying = Config.EnsureWeightTying || tied,
        };
    }

    /// <summary>Refuses an embedding and a head that differ if the model has one matrix for both.</summary>
    private void RequireOneMatrix(string settings, string remedy)
    {
        if (_names.TryGetValue(TensorNames.Embedding, out string? embedding) && _names.TryGetValue(TensorNames.Head, out string? head)
            && !TensorStream.AreEqual(_file.Get(embedding), _file.Get(head)))
        {
            throw new LapidaryException(
                $"{_file.Path}: holds another {ModuleNames.EmbedTokens} than {ModuleNames.LmHead}, but the base has one matrix for both "
                + $"and {AdapterConfigFile.FileName} {settings}; {remedy}.");
        }
    }

    /// <summary>All tensors of the file, by canonical names or, for a model, by PEFT's.</summary>
    private static IEnumerable<(string Name, Tensor Value)> Tensors(Adapter adapter, GemmaModel? model)
    {
        foreach (var parameter in adapter.Parameters) yield return (FileName(parameter.Name, model), parameter.Value);
        if (adapter.IsTied) yield return (FileName(TensorNames.Head, model), adapter.Head!.Value);
    }

    /// <summary>PEFT names modules after the class that transformers loads: multimodal models have their decoder under
    /// language_model.</summary>
    private static string FileName(string parameter, GemmaModel? model) => model is null
        ? parameter
        : TensorNames.PeftPrefix
            + TensorNames.ToStyle(parameter, model.Config.IsMultimodal ? TensorNameStyle.Multimodal : TensorNameStyle.Text);

    /// <summary>"all-linear" is written out as PEFT does. A multimodal model's vision tower has layers of the same names, so there the
    /// decoder's are told apart by a pattern, or where that would choose other layers than have an adapter, by their whole names.</summary>
    private static LoraConfig ConfigFor(Adapter adapter, GemmaModel model)
    {
        var config = adapter.ConfigOver(model);
        if (config.TargetModules is { IsAllLinear: false } && !model.Config.IsMultimodal) return config;
        var targeted = adapter.TargetedModules.ToHashSet();
        string[] names = [.. targeted.Select(module => module[(module.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal)];
        if (!model.Config.IsMultimodal) return config with { TargetModules = ModuleSelector.FromNames(names) };
        static string Spelled(string module) => TensorNames.ToStyle(module, TensorNameStyle.Multimodal);
        var byPattern = config with { TargetModules = ModuleSelector.FromPattern($@".*language_model\..*\.({string.Join('|', names)})") };
        bool isExact = config.LayersToTransform is null
            && model.LinearLayers.All(layer => byPattern.Matches(Spelled(layer.Name)) == targeted.Contains(layer.Name));
        return isExact
            ? byPattern
            : config with
            {
                TargetModules = ModuleSelector.FromNames([.. adapter.TargetedModules.Select(Spelled)]),
                ExcludeModules = null,
                LayersToTransform = null,
                LayersPattern = null,
            };
    }

    private static string Shown(string name) => Formats.Files.FileErrors.OneLine(name);
}
