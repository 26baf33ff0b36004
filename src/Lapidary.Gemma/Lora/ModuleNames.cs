using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Lora;

/// <summary>The modules of a model that an adapter's settings can name, and those that they select.</summary>
internal sealed class ModuleNames(GemmaConfig model)
{
    public const string EmbedTokens = "embed_tokens", LmHead = "lm_head";

    private static readonly string Embedding = ModuleOf(TensorNames.Embedding), Head = ModuleOf(TensorNames.Head);

    private readonly string[] _linear =
        [.. GemmaTensors.Of(model).Select(tensor => tensor.Module).Where(TensorNames.IsLinear)];

    /// <summary>A module's names. Of a multimodal model they may be spelled as transformers does, under language_model, or as older
    /// checkpoints do; a text-only model has one.</summary>
    public IReadOnlyList<string> Spellings(string module) => model.IsMultimodal
        ? [TensorNames.ToStyle(module, TensorNameStyle.Multimodal), TensorNames.ToStyle(module, TensorNameStyle.MultimodalHub), module]
        : [module];

    /// <summary>Whether the layer gets an adapter.</summary>
    public bool IsTargeted(LoraConfig config, string module)
    {
        var spellings = Spellings(module);
        return !spellings.Any(config.IsExcluded) && spellings.Any(config.Matches);
    }

    /// <summary>Every layer that gets an adapter, in order.</summary>
    public IReadOnlyList<string> Targeted(LoraConfig config) => [.. _linear.Where(module => IsTargeted(config, module))];

    /// <summary>The modules that are trained whole: embed_tokens, lm_head, both where they are one matrix.</summary>
    public IReadOnlySet<string> SavedWhole(LoraConfig config)
    {
        var saved = (config.ModulesToSave ?? []).Select(SavedWhole).ToHashSet();
        if (saved.Count > 0 && IsTied(config)) saved.UnionWith([EmbedTokens, LmHead]);
        return saved;
    }

    /// <summary>Whether an embedding and a head that are trained are one matrix.</summary>
    public bool IsTied(LoraConfig config) => config.EnsureWeightTying && model.TieWordEmbeddings;

    /// <summary>The module that an entry of modules_to_save names: embed_tokens or lm_head.</summary>
    /// <exception cref="LapidaryException">It names neither.</exception>
    private string SavedWhole(string entry)
    {
        if (Names([entry], Embedding)) return EmbedTokens;
        if (Names([entry], Head)) return LmHead;
        string next = _linear.Any(module => Names([entry], module))
            ? "name it in TargetModules instead"
            : Hint(entry, [EmbedTokens, LmHead], $"only {LmHead} and {EmbedTokens} can be trained whole");
        throw Error(nameof(LoraConfig.ModulesToSave), $"{Shown(entry)} names no module that can be trained whole; {next}.");
    }

    /// <summary>Refuses settings of a new adapter that match nothing, or that name a module which cannot have an adapter.</summary>
    /// <exception cref="LapidaryException">One does; the message names it and what was probably meant.</exception>
    public void Check(LoraConfig config)
    {
        CheckTargets(config);
        _ = SavedWhole(config);
        foreach (string name in config.ExcludeModules?.Names ?? [])
            if (!model.IsMultimodal && !All.Any(module => Names([name], module))) throw Unknown(nameof(LoraConfig.ExcludeModules), name);
        if (config.ExcludeModules?.Pattern is { } pattern && !model.IsMultimodal && !All.Any(config.IsExcluded))
            throw Unknown(nameof(LoraConfig.ExcludeModules), pattern);
        CheckLayers(config);
        var targeted = Targeted(config);
        if (targeted.Count == 0)
        {
            throw new LapidaryException(
                "TargetModules: no layer is left of those it names, because of ExcludeModules or LayersToTransform; name fewer there.");
        }

        if (IdlePatterns(config).FirstOrDefault() is { } idle) throw new LapidaryException(idle);
    }

    /// <summary>Entries of rank_pattern and alpha_pattern that match no layer with an adapter, with what was probably meant.</summary>
    public IEnumerable<string> IdlePatterns(LoraConfig config)
    {
        var targeted = Targeted(config);
        return
        [
            .. Idle("rank_pattern", config.RankPattern.Select(pair => pair.Key), targeted),
            .. Idle("alpha_pattern", config.AlphaPattern.Select(pair => pair.Key), targeted),
        ];
    }

    private IEnumerable<string> All => [.. _linear, .. Others];

    /// <summary>Modules with a weight that are no linear layer of the decoder.</summary>
    private IEnumerable<string> Others =>
        GemmaTensors.Of(model with { TieWordEmbeddings = false }).Select(tensor => tensor.Module).Except(_linear);

    private void CheckTargets(LoraConfig config)
    {
        var targets = config.EffectiveTargets;
        if (targets.IsAllLinear) return;
        foreach (string name in targets.Names)
        {
            if (_linear.Any(module => Names([name], module))) continue;
            if (Others.FirstOrDefault(module => Names([name], module)) is { } other) throw NoLayer(name, other);
            throw Unknown(nameof(LoraConfig.TargetModules), name);
        }

        if (targets.Pattern is not { } pattern) return;
        bool Matches(string module) => Spellings(module).Any(name => targets.Matches(name));
        if (!_linear.Any(Matches)) throw Unknown(nameof(LoraConfig.TargetModules), pattern);
        foreach (string other in Others)
        {
            bool isLeftOut = Spellings(other).Any(name => config.IsExcluded(name) || config.IsSavedWhole(name));
            if (!isLeftOut && Matches(other)) throw NoLayer(pattern, other);
        }
    }

    private void CheckLayers(LoraConfig config)
    {
        foreach (int layer in config.LayersToTransform ?? [])
        {
            var alone = config with { LayersToTransform = [layer] };
            if (_linear.Any(module => Spellings(module).Any(alone.IsInChosenLayer))) continue;
            throw new LapidaryException(config.LayersPattern is { Count: > 0 } parents
                ? $"LayersToTransform: {layer} is the number of no layer under {Shown(string.Join(", ", parents))} (LayersPattern); "
                    + $"layers has 0 to {model.NumHiddenLayers - 1}."
                : $"LayersToTransform: {layer} is the number of no layer; the model has 0 to {model.NumHiddenLayers - 1}.");
        }
    }

    private IEnumerable<string> Idle(string option, IEnumerable<string> patterns, IReadOnlyList<string> targeted)
    {
        foreach (string pattern in patterns)
        {
            if (targeted.Any(module => Spellings(module).Any(name => ModulePattern.IsSuffixMatch(option, pattern, name)))) continue;
            string hint = Hint(pattern, Known(targeted, pattern), "it must match the end of a layer's name, from a dot on");
            yield return $"{option}: {Shown(pattern)} matches no layer that gets an adapter; {hint}.";
        }
    }

    private bool Names(IReadOnlyList<string> entry, string module) =>
        Spellings(module).Any(name => ModuleSelector.EndsWithAny(entry, name));

    private static LapidaryException NoLayer(string entry, string module)
    {
        string next = module == Embedding || module == Head
            ? $"LoRA on it is not supported: name {module[(module.LastIndexOf('.') + 1)..]} in ModulesToSave, which trains it whole"
            : "an adapter needs a linear layer: leave it out, or use all-linear";
        return Error(nameof(LoraConfig.TargetModules), $"{Shown(entry)} matches {module}; {next}.");
    }

    private LapidaryException Unknown(string option, string entry)
    {
        string[] known = [ModuleSelector.AllLinear.Pattern!, .. Known(All, entry)];
        string hint = Hint(entry, known, $"expected some of {string.Join(", ", LayerTensors.ProjectionNames)}");
        return Error(option, $"{Shown(entry)} matches no layer; {hint}.");
    }

    /// <summary>The option is a name in the message, not a value in it; values are quoted.</summary>
    private static LapidaryException Error(string option, string message) => new(option + ": " + message);

    /// <summary>Last names for an entry of one name, whole ones for a path.</summary>
    private IEnumerable<string> Known(IEnumerable<string> modules, string entry) => entry.Contains('.', StringComparison.Ordinal)
        ? modules.SelectMany(Spellings)
        : modules.Select(module => module[(module.LastIndexOf('.') + 1)..]).Distinct();

    private static string Hint(string entry, IEnumerable<string> known, string otherwise) =>
        NearestName.Of(entry, known) is { } near ? $"perhaps {near} is meant" : otherwise;

    private static string Shown(string entry) => $"\"{FileErrors.OneLine(entry)}\"";

    private static string ModuleOf(string tensor) => tensor[..^TensorNames.WeightSuffix.Length];
}
