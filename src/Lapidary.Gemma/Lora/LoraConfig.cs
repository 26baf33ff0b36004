using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Sources;

namespace Lapidary.Gemma;

/// <summary>The settings of a LoRA adapter, named as in PEFT's LoraConfig and with its defaults.</summary>
/// <remarks>Source: PEFT 0.21, peft/tuners/lora/config.py and tuners_utils.py, for the rules of matching.</remarks>
public sealed record LoraConfig
{
    private static readonly ModuleSelector GemmaDefault = ModuleSelector.FromNames("q_proj", "v_proj");

    /// <summary>The settings of Google's QLoRA guide: every linear layer at r = 16, and one trained matrix for embedding and
    /// head.</summary>
    public static LoraConfig Guide { get; } = new()
    {
        R = 16,
        LoraAlpha = 16,
        LoraDropout = 0.05,
        TargetModules = ModuleSelector.AllLinear,
        ModulesToSave = ["lm_head", "embed_tokens"],
        EnsureWeightTying = true,
    };

    /// <summary>Rank r of the factors A [r, in] and B [out, r].</summary>
    [Range(1, 1 << 16)]
    public int R { get; init; } = 8;

    /// <summary>Alpha (α): the product B·A is scaled by α / r.</summary>
    [Range(0.0, 1e9)]
    public double LoraAlpha { get; init; } = 8;

    /// <summary>Probability that an element of the adapter's input is dropped in training.</summary>
    [Range(0.0, 0.999)]
    public double LoraDropout { get; init; }

    /// <summary>Modules that get an adapter; null for q_proj and v_proj, PEFT's choice for Gemma 3.</summary>
    public ModuleSelector? TargetModules { get; init; }

    /// <summary>Modules without an adapter although they match; null for no exceptions.</summary>
    public ModuleSelector? ExcludeModules { get; init; }

    /// <summary>Modules that are trained whole and saved with the adapter; matched like a list of target modules.</summary>
    public IReadOnlyList<string>? ModulesToSave { get; init; }

    /// <summary>Train embed_tokens and lm_head of <see cref="ModulesToSave"/> as one shared matrix if the model ties them.</summary>
    public bool EnsureWeightTying { get; init; }

    /// <summary>Whether the scale is α / √r instead of α / r.</summary>
    public bool UseRslora { get; init; }

    /// <summary>Ranks for some modules: regular expression → r. The first match counts.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>α for some modules: regular expression → α. The first match counts.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>Numbers of the layers that get adapters; null for all. A module listed by its full name always gets one.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>Names of the lists that <see cref="LayersToTransform"/> counts in, such as "layers"; null for the first number in a
    /// path.</summary>
    public IReadOnlyList<string>? LayersPattern { get; init; }

    /// <summary>The model that the adapter was made for.</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>The revision of that model.</summary>
    public string? Revision { get; init; }

    /// <summary>What the model does, in PEFT's words.</summary>
    public string? TaskType { get; init; } = "CAUSAL_LM";

    /// <summary>The settings for a base given as a folder or an id. PEFT stores the id's revision separately.</summary>
    internal LoraConfig WithBase(string folderOrId)
    {
        var (name, revision) = ModelSource.BaseOf(folderOrId);
        return this with { BaseModelNameOrPath = name, Revision = revision };
    }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">One is out of range; the message names it.</exception>
    public void Validate() => RecordLimits.Check(this);

    /// <summary>Whether the module gets an adapter.</summary>
    /// <param name="module">The module's path in the model, such as "model.layers.0.self_attn.q_proj".</param>
    /// <exception cref="LapidaryException">A pattern is no regular expression or takes too long.</exception>
    public bool Matches(string module)
    {
        if (IsExcluded(module) || IsSavedWhole(module)) return false;
        var targets = EffectiveTargets;
        return targets.Names.Contains(module) || (targets.Matches(module) && IsInChosenLayer(module));
    }

    /// <summary>Whether <see cref="ExcludeModules"/> names the module.</summary>
    internal bool IsExcluded(string module) => ExcludeModules?.Matches(module, "exclude_modules") == true;

    /// <summary>Whether the module is one of <see cref="ModulesToSave"/>.</summary>
    public bool IsSavedWhole(string module) => ModulesToSave is not null && ModuleSelector.EndsWithAny(ModulesToSave, module);

    /// <summary>The rank of a module's factors.</summary>
    public int RankFor(string module) => RankFor([module]);

    /// <summary>α of a module.</summary>
    public double AlphaFor(string module) => AlphaFor([module]);

    /// <summary>The factor of B·A for a module: α / r, or α / √r with <see cref="UseRslora"/>.</summary>
    public double ScalingFor(string module) => ScalingFor([module]);

    /// <summary>The target modules, with PEFT's choice for Gemma 3 where none are given.</summary>
    internal ModuleSelector EffectiveTargets => TargetModules ?? GemmaDefault;

    /// <summary>The rank of a module that has several names.</summary>
    internal int RankFor(IReadOnlyList<string> spellings) => Find(RankPattern, "rank_pattern", spellings, R);

    /// <summary>The factor of B·A for a module that has several names.</summary>
    internal double ScalingFor(IReadOnlyList<string> spellings)
    {
        int rank = RankFor(spellings);
        return AlphaFor(spellings) / (UseRslora ? Math.Sqrt(rank) : rank);
    }

    /// <summary>Whether <see cref="LayersToTransform"/> holds the module's layer.</summary>
    internal bool IsInChosenLayer(string module)
    {
        if (LayersToTransform is null) return true;
        int? layer = LayersPattern is { Count: > 0 }
            ? LayersPattern.Select(parent => ModulePattern.NumberBehind("layers_pattern", parent, module))
                .FirstOrDefault(number => number is not null)
            : FirstNumber(module);
        return layer is { } number && LayersToTransform.Contains(number);
    }

    private static int? FirstNumber(string module)
    {
        foreach (string segment in module.Split('.'))
            if (int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out int number)) return number;
        return null;
    }

    private double AlphaFor(IReadOnlyList<string> spellings) => Find(AlphaPattern, "alpha_pattern", spellings, LoraAlpha);

    private static T Find<T>(
        IReadOnlyList<KeyValuePair<string, T>> patterns, string option, IReadOnlyList<string> spellings, T fallback)
    {
        foreach (var (pattern, value) in patterns)
            if (spellings.Any(module => ModulePattern.IsSuffixMatch(option, pattern, module))) return value;
        return fallback;
    }
}
