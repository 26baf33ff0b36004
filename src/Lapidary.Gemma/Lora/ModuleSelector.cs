using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>PEFT's way to choose modules: a list of names, one regular expression, or "all-linear".</summary>
public sealed record ModuleSelector
{
    private const string AllLinearName = "all-linear";

    private ModuleSelector(ImmutableArray<string> names, string? pattern) => (Names, Pattern) = (names, pattern);

    /// <summary>Every linear layer of the decoder but lm_head.</summary>
    public static ModuleSelector AllLinear { get; } = new([], AllLinearName);

    /// <summary>Names; a module is chosen when it equals one or ends with "." and one. Empty for a pattern.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>The regular expression that must match a module's whole name, or "all-linear"; null for a list of names.</summary>
    public string? Pattern { get; }

    /// <summary>Whether this is <see cref="AllLinear"/>.</summary>
    public bool IsAllLinear => string.Equals(Pattern, AllLinearName, StringComparison.OrdinalIgnoreCase);

    /// <summary>Chooses by names.</summary>
    public static ModuleSelector FromNames(params ReadOnlySpan<string> names) => new([.. names], null);

    /// <summary>Chooses by one string: "all-linear" in any case, else a regular expression over the whole name.</summary>
    public static ModuleSelector FromPattern(string pattern) => new([], pattern);

    /// <summary>Whether the module is chosen.</summary>
    /// <param name="module">The module's path, such as "model.layers.0.self_attn.q_proj".</param>
    /// <param name="option">The option's name, for messages.</param>
    /// <exception cref="LapidaryException">The pattern is no regular expression or takes too long.</exception>
    public bool Matches(string module, string option = "target_modules")
    {
        if (IsAllLinear) return TensorNames.IsLinear(module);
        return Pattern is not null ? ModulePattern.IsFullMatch(option, Pattern, module) : EndsWithAny(Names, module);
    }

    /// <summary>Whether the module equals an entry or ends with "." and an entry.</summary>
    internal static bool EndsWithAny(IEnumerable<string> names, string module) => names.Any(name =>
        module.EndsWith(name, StringComparison.Ordinal) && (module.Length == name.Length || module[^(name.Length + 1)] == '.'));

    /// <summary>A list or a string, as adapter_config.json has it; PEFT too saves what "all-linear" came to, not the word.</summary>
    internal JsonNode ToJson() => Pattern is not null && !IsAllLinear
        ? JsonValue.Create(Pattern)
        : new JsonArray([.. (IsAllLinear ? [.. LayerTensors.ProjectionNames] : Names).Select(name => JsonValue.Create(name))]);
}
