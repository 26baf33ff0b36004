using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Hub;

namespace Lapidary.Gemma.Sources;

/// <summary>Selects the files of a Hub repository to fetch, by their purpose. Only files in its root are fetched; other content
/// (original/*.pth, onnx/, GGUF, pickle files, checkpoints) is not.</summary>
internal sealed class HubFiles
{
    private const string Config = "config.json", AdapterConfig = "adapter_config.json", AdapterWeights = "adapter_model.safetensors";

    /// <summary>All files of a tokenizer and its chat template, which belong together.</summary>
    public static readonly string[] TokenizerNames =
    [
        TokenizerName, "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "added_tokens.json", ChatTemplateName,
        "chat_template.json",
    ];

    /// <summary>Files besides weights and config.json that a derived model keeps.</summary>
    public static readonly string[] ModelNames =
        ["generation_config.json", "preprocessor_config.json", "processor_config.json", PromptKindName];

    /// <summary>A model with its weights.</summary>
    public static readonly HubFiles Model = new("a model", [Config, .. ModelNames, .. TokenizerNames], Config, WeightsOf);

    /// <summary>A model without its weights: sizes and tokenizer.</summary>
    public static readonly HubFiles Description = new("a model", [Config, .. ModelNames, .. TokenizerNames], Config);

    /// <summary>A tokenizer; config.json says whether its model is a Gemma.</summary>
    public static readonly HubFiles Tokenizer = new("a tokenizer", [Config, .. TokenizerNames], TokenizerName);

    /// <summary>A LoRA adapter, with the tokenizer that it was trained with.</summary>
    public static readonly HubFiles Adapter = new(
        "an adapter", [AdapterConfig, AdapterWeights, PromptKindName, .. TokenizerNames], AdapterConfig,
        (id, files) => Find(files, AdapterWeights) is null ? throw NoWeights(id, AdapterWeights, files) : []);

    /// <summary>An adapter without its weights: settings and tokenizer.</summary>
    public static readonly HubFiles AdapterDescription =
        new("an adapter", [AdapterConfig, PromptKindName, .. TokenizerNames], AdapterConfig);

    /// <summary>The tokenizer's main file, and the newer file of the chat template.</summary>
    public const string TokenizerName = "tokenizer.json", ChatTemplateName = "chat_template.jinja";

    /// <summary>Files that describe the training of a model.</summary>
    public const string PromptKindName = "lapidary.json";

    private readonly string[] _names;
    private readonly Func<string, IReadOnlyList<RepoFile>, IEnumerable<RepoFile>>? _weights;

    private HubFiles(
        string what, string[] names, string required, Func<string, IReadOnlyList<RepoFile>, IEnumerable<RepoFile>>? weights = null) =>
        (What, _names, Required, _weights) = (what, names, required, weights);

    /// <summary>"a model".</summary>
    public string What { get; }

    /// <summary>The file that identifies this kind of repository.</summary>
    public string Required { get; }

    /// <summary>The files to fetch.</summary>
    /// <param name="id">The repository, for errors.</param>
    /// <param name="files">All that it has.</param>
    /// <exception cref="LapidaryException">The repository is of another kind; the message names the kind if its files tell.</exception>
    public IReadOnlyList<RepoFile> Select(string id, IReadOnlyList<RepoFile> files)
    {
        if (Find(files, Required) is null) throw Other(id, files);
        return [.. files.Where(file => _names.Contains(file.Path)), .. _weights?.Invoke(id, files) ?? []];
    }

    /// <summary>The single file, else the shards with their index: the files that a checkpoint is opened from, without copies in other
    /// formats.</summary>
    private static IEnumerable<RepoFile> WeightsOf(string id, IReadOnlyList<RepoFile> files)
    {
        if (Find(files, CheckpointFiles.Single) is { } single) return [single];
        RepoFile[] shards = [.. files.Where(file => CheckpointFiles.ShardName().IsMatch(file.Path))];
        return Find(files, CheckpointFiles.Index) is { } index && shards.Length > 0
            ? [index, .. shards]
            : throw NoWeights(id, $"{CheckpointFiles.Single} or its shards with {CheckpointFiles.Index}", files);
    }

    private LapidaryException Other(string id, IReadOnlyList<RepoFile> files)
    {
        string found = Find(files, AdapterConfig) is not null ? "an adapter; give it as the adapter"
            : Find(files, Config) is not null ? "a model; give it as the model"
            : HasKind(files, ".gguf") ? "GGUF files, which are not read; choose the repository of the safetensors"
            : files.Count == 0 ? "no files; check the id"
            : $"{files.Count} others ({files[0].Path}{(files.Count > 1 ? ", …" : "")}); check the id";
        return new LapidaryException($"{id}: expected {What} ({Required}), found {found}.");
    }

    private static LapidaryException NoWeights(string id, string expected, IReadOnlyList<RepoFile> files)
    {
        string found = HasKind(files, ".bin") || HasKind(files, ".pth") || HasKind(files, ".pt")
            ? "pickle files, which could run code; choose a repository with safetensors"
            : HasKind(files, ".gguf") ? "GGUF files, which are not read; choose the repository of the safetensors"
            : "none; choose another repository";
        return new LapidaryException($"{id}: expected {expected}, found {found}.");
    }

    private static RepoFile? Find(IReadOnlyList<RepoFile> files, string path) => files.FirstOrDefault(file => file.Path == path);

    private static bool HasKind(IReadOnlyList<RepoFile> files, string extension) =>
        files.Any(file => file.Path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));
}
