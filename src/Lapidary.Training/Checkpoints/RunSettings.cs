using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Engine;
using Lapidary.Formats.Files;
using Lapidary.Gemma;

namespace Lapidary.Training.Checkpoints;

/// <summary>run.yaml: the settings of a run, stored with its results, so that the tool can run or resume it. Its paths follow
/// <see cref="RunPaths"/>.</summary>
internal static partial class RunSettings
{
    /// <summary>The file's name in a run's folder.</summary>
    public const string FileName = "run.yaml";

    /// <summary>The key of the file's version. A file with this key was written by a run.</summary>
    public const string VersionKey = "run_file_version";

    /// <summary>The version of new files. In files of version 1, all paths are absolute.</summary>
    public const int Version = 2;

    /// <summary>The key of the folder's path when the file was written.</summary>
    public const string FolderKey = "run_folder";

    /// <summary>Keys that the rules of the folder handle.</summary>
    public const string OutputDirKey = "output_dir", OverwriteKey = "overwrite_output_dir", AdapterKey = "adapter",
        ModelKey = "model";

    private const string AccumulationKey = "gradient_accumulation_steps";

    /// <summary>Writes the file.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="settings">Keys and values; a repeated key is a list.</param>
    public static void Write(string folder, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var text = new StringBuilder("# The settings of a run, for 'lapidary train'. Paths from ./ or ../ on begin at this folder.\n");
        text.Append(CultureInfo.InvariantCulture, $"{VersionKey}: {Version}\n{FolderKey}: {Quote(Path.GetFullPath(folder))}\n");
        foreach (var setting in Recorded(folder, settings).GroupBy(pair => pair.Key, pair => Quote(pair.Value)))
        {
            string[] values = [.. setting];
            string written = values.Length == 1 ? values[0] : $"[{string.Join(", ", values)}]";
            text.Append(CultureInfo.InvariantCulture, $"{setting.Key}: {written}\n");
        }

        AtomicFile.WriteAllText(Path.Combine(folder, FileName), text.ToString());
    }

    /// <summary>Settings as a run's files store them: with paths relative to the run's folder, without overwrite_output_dir, which applies
    /// only once.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Recorded(string folder, IEnumerable<KeyValuePair<string, string>> settings) =>
        settings.Where(pair => pair.Key != OverwriteKey).Select(pair =>
            pair.Key == OutputDirKey ? new(pair.Key, ".")
            : RunPaths.Keys.Contains(pair.Key) ? new(pair.Key, RunPaths.Shorten(pair.Value, folder))
            : pair);

    /// <summary>The settings of a run that a program started. The program supplied its data, so dataset is not among them.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Of(GemmaModel model, TrainedWeights weights, SftConfig config, int worldSize)
    {
        if (model.Name.Length > 0) yield return new(ModelKey, NameOf(model.Name));
        if (weights.Source is { } start) yield return new(AdapterKey, NameOf(start.Name));
        yield return new(MethodFiles.Key, Format(MethodFiles.Of(weights))!);
        yield return new("quantization", Format(model.Options.Quantization)!);
        yield return new("double_quant", Format(model.Options.DoubleQuant)!);
        var dtype = model.Options.DType ?? (model.Backend.ActivationDType == DType.Float16 ? DType.Float16 : null);
        if (dtype is not null) yield return new("dtype", $"{dtype}".ToLowerInvariant());
        foreach (var pair in OfConfig(config, worldSize))
            yield return pair.Key == OutputDirKey ? new(pair.Key, Path.GetFullPath(config.OutputDir)) : pair;

        if (weights is not Adapter { Config: var lora }) yield break;
        yield return new("lora_r", Format(lora.R)!);
        yield return new("lora_alpha", Format(lora.LoraAlpha)!);
        yield return new("lora_dropout", Format(lora.LoraDropout)!);
        yield return new("target_modules", lora.EffectiveTargets.Pattern ?? string.Join(',', lora.EffectiveTargets.Names));
        yield return new("modules_to_save", lora.ModulesToSave is { Count: > 0 } saved ? string.Join(',', saved) : "none");
        yield return new("use_rslora", Format(lora.UseRslora)!);
        yield return new("ensure_weight_tying", Format(lora.EnsureWeightTying)!);
    }

    /// <summary>The options that all ranks of one run must share.</summary>
    public static IEnumerable<KeyValuePair<string, string>> OfLoop(SftConfig config) =>
        All(config).Where(pair => pair.Key is not (OutputDirKey or OverwriteKey or "report_to"));

    /// <summary>The options of a run. With several ranks, they give the rows of a step over all ranks and no accumulation, so that the run
    /// can resume with any number of ranks. The same holds for a run that was given these options.</summary>
    private static IEnumerable<KeyValuePair<string, string>> OfConfig(SftConfig config, int worldSize)
    {
        bool isGlobal = worldSize > 1 || config.GlobalBatchSize is not null;
        if (isGlobal) config = config with { GlobalBatchSize = EffectiveBatch.Of(config, worldSize).Rows };
        return All(config).Where(pair => !isGlobal || pair.Key != AccumulationKey);
    }

    private static IEnumerable<KeyValuePair<string, string>> All(SftConfig config)
    {
        foreach (var property in typeof(SftConfig).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
            if (Format(property.GetValue(config)) is { } text)
                yield return new(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), text);
    }

    /// <summary>The absolute path of a folder; an id stays as given.</summary>
    private static string NameOf(string folderOrId) => Path.Exists(folderOrId) ? Path.GetFullPath(folderOrId) : folderOrId;

    /// <summary>The escapes of a double-quoted YAML string are those of a JSON string.</summary>
    private static string Quote(string value) => Plain().IsMatch(value) && value is not ("null" or "Null" or "NULL")
        ? value
        : $"\"{JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    /// <summary>A value as the tool writes it; null for none.</summary>
    public static string? Format(object? value) => value switch
    {
        null => null,
        bool flag => flag ? "true" : "false",
        Enum name => JsonNamingPolicy.SnakeCaseLower.ConvertName(name.ToString()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    [GeneratedRegex(@"\A[A-Za-z0-9_./][A-Za-z0-9_./+-]*\z|\A-?[0-9][0-9.eE+-]*\z")]
    private static partial Regex Plain();
}
