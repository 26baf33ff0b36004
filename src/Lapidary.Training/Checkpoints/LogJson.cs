using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Lapidary.Training.Checkpoints;

/// <summary>log_history as JSON. The metric of an evaluation is a key of its own name: eval_sql_execution, as transformers names what
/// compute_metrics returns.</summary>
internal static class LogJson
{
    private const string Prefix = "eval_";

    /// <summary>Keys of evaluations that transformers and TRL write, and that are no metric of a run.</summary>
    private static readonly string[] Others =
    [
        "eval_loss", "eval_mean_token_accuracy", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second",
        "eval_model_preparation_time", "eval_jit_compilation_time", "eval_num_tokens", "eval_entropy",
    ];

    /// <summary>The entries as a list of objects.</summary>
    public static JsonArray Write(IReadOnlyList<LogEntry> entries) => new([.. entries.Select(entry =>
    {
        var json = JsonSerializer.SerializeToNode(entry, EntryJson.Default.LogEntry)!;
        if (entry is { EvalMetric: { } name, EvalMetricValue: { } value }) json[Prefix + name] = value;
        return json;
    })]);

    /// <summary>An entry; null if the JSON is null.</summary>
    /// <exception cref="JsonException">It is no object, or a value has another type.</exception>
    public static LogEntry? Read(JsonNode? json)
    {
        var entry = json.Deserialize(EntryJson.Default.LogEntry);
        if (entry is null) return null;
        foreach (var (key, value) in json!.AsObject())
        {
            if (!key.StartsWith(Prefix, StringComparison.Ordinal) || key.Length == Prefix.Length || Others.Contains(key)) continue;
            if (value is JsonValue number && number.TryGetValue(out double metric))
                return entry with { EvalMetric = key[Prefix.Length..], EvalMetricValue = metric };
        }

        return entry;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(LogEntry))]
internal sealed partial class EntryJson : JsonSerializerContext;
