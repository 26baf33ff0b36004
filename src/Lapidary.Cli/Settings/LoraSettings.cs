using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;

namespace Lapidary.Cli.Settings;

/// <summary>The settings of a new adapter; defaults are <see cref="LoraConfig.Guide"/>'s.</summary>
internal static partial class LoraSettings
{
    private const string None = "none";

    public static readonly Setting<int> R = Integer("lora-r", nameof(LoraConfig.R), LoraConfig.Guide.R);

    public static readonly Setting<double> Alpha = Number("lora-alpha", nameof(LoraConfig.LoraAlpha), LoraConfig.Guide.LoraAlpha);

    public static readonly Setting<double> Dropout = Number("lora-dropout", nameof(LoraConfig.LoraDropout), LoraConfig.Guide.LoraDropout);

    public static readonly Setting<ModuleSelector> TargetModules = new(
        "target-modules", "all-linear|NAMES|REGEX",
        "Modules that get an adapter: all-linear, names separated by commas, or a regular expression.",
        LoraConfig.Guide.TargetModules!, ParseTargets, selector => selector.Pattern ?? string.Join(',', selector.Names));

    public static readonly Setting<IReadOnlyList<string>?> ModulesToSave = new(
        "modules-to-save", "NAMES|none", "Modules that are trained whole and saved beside the adapter.",
        LoraConfig.Guide.ModulesToSave, text => text == None ? null : SplitNames(text),
        names => names is null ? None : string.Join(',', names))
    {
        NullText = None,
    };

    public static readonly Setting<bool> UseRslora =
        Setting.Flag("use-rslora", Help(nameof(LoraConfig.UseRslora)), LoraConfig.Guide.UseRslora);

    public static readonly Setting<bool> EnsureWeightTying =
        Setting.Flag("ensure-weight-tying", Help(nameof(LoraConfig.EnsureWeightTying)), LoraConfig.Guide.EnsureWeightTying);

    /// <summary>In the order of the help text.</summary>
    public static IReadOnlyList<Setting> All { get; } = [R, Alpha, Dropout, TargetModules, ModulesToSave, UseRslora, EnsureWeightTying];

    /// <summary>The record with the values given.</summary>
    public static LoraConfig Read(SettingValues values, string model) => (LoraConfig.Guide with
    {
        R = values.Get(R),
        LoraAlpha = values.Get(Alpha),
        LoraDropout = values.Get(Dropout),
        TargetModules = values.Get(TargetModules),
        ModulesToSave = values.Get(ModulesToSave),
        UseRslora = values.Get(UseRslora),
        EnsureWeightTying = values.Get(EnsureWeightTying),
    }).WithBase(model);

    /// <summary>A saved adapter's record with the values given, for a run that goes on: it is compared with the checkpoint's.</summary>
    public static LoraConfig Over(LoraConfig saved, SettingValues values)
    {
        T Value<T>(Setting<T> setting, T from) => values.IsGiven(setting) ? values.Get(setting) : from;
        return saved with
        {
            R = Value(R, saved.R),
            LoraAlpha = Value(Alpha, saved.LoraAlpha),
            LoraDropout = Value(Dropout, saved.LoraDropout),
            TargetModules = Value(TargetModules, saved.EffectiveTargets),
            ModulesToSave = Value(ModulesToSave, saved.ModulesToSave),
            UseRslora = Value(UseRslora, saved.UseRslora),
            EnsureWeightTying = Value(EnsureWeightTying, saved.EnsureWeightTying),
        };
    }

    /// <summary>The settings of an adapter that is trained on from. What is given must be what it has, but for the dropout, which is no
    /// part of an adapter.</summary>
    /// <param name="values">What is given.</param>
    /// <param name="folder">The adapter's.</param>
    /// <param name="sizes">config.json of the base.</param>
    /// <exception cref="ToolException">A setting that was given differs.</exception>
    public static LoraConfig ReadSaved(SettingValues values, string folder, GemmaConfig sizes)
    {
        var saved = AdapterConfigFile.Read(folder);
        RequireSame(values, saved, folder, sizes);
        return values.IsGiven(Dropout) ? saved with { LoraDropout = values.Get(Dropout) } : saved;
    }

    /// <summary>The settings that make a record, and their values.</summary>
    public static IReadOnlyDictionary<Setting, object?> Of(LoraConfig lora) => new Dictionary<Setting, object?>
    {
        [R] = lora.R,
        [Alpha] = lora.LoraAlpha,
        [Dropout] = lora.LoraDropout,
        [TargetModules] = lora.EffectiveTargets,
        [ModulesToSave] = lora.ModulesToSave is { Count: > 0 } saved ? saved : null,
        [UseRslora] = lora.UseRslora,
        [EnsureWeightTying] = lora.EnsureWeightTying,
    };

    /// <summary>The largest number that an option takes; one that the range excludes is approached to three digits, so that a refusal can
    /// name it.</summary>
    public static double MaximumOf(RangeAttribute range) => range.MaximumIsExclusive ? (double)range.Maximum - 1e-3 : (double)range.Maximum;

    private static void RequireSame(SettingValues values, LoraConfig saved, string folder, GemmaConfig sizes)
    {
        var names = new ModuleNames(sizes);
        bool SameLayers() =>
            names.Targeted(saved).SequenceEqual(names.Targeted(saved with { TargetModules = values.Get(TargetModules) }));
        bool SameSaved() => names.SavedWhole(saved).SetEquals(names.SavedWhole(saved with { ModulesToSave = values.Get(ModulesToSave) }));
        (Setting Setting, object? Saved, Func<bool> IsSame)[] checks =
        [
            (R, saved.R, () => values.Get(R) == saved.R),
            (Alpha, saved.LoraAlpha, () => values.Get(Alpha) == saved.LoraAlpha),
            (TargetModules, saved.EffectiveTargets, SameLayers),
            (ModulesToSave, saved.ModulesToSave, SameSaved),
            (UseRslora, saved.UseRslora, () => values.Get(UseRslora) == saved.UseRslora),
            (EnsureWeightTying, saved.EnsureWeightTying,
                () => values.Get(EnsureWeightTying) == saved.EnsureWeightTying || names.SavedWhole(saved).Count == 0),
        ];
        foreach (var (setting, value, isSame) in checks)
        {
            if (!values.IsGiven(setting) || isSame()) continue;
            throw new ToolException(
                $"{folder}: has {setting.Key} {setting.FormatValue(value)}, "
                + $"found --{setting.Name} {setting.FormatValue(values.Get(setting))}; "
                + "leave the option out, or train a new adapter without --adapter.");
        }
    }

    private static Setting<int> Integer(string name, string property, int fallback)
    {
        var range = RecordLimits.Of<LoraConfig>(property);
        return Setting.Integer(name, Help(property), fallback, (int)range.Minimum, (int)range.Maximum);
    }

    private static Setting<double> Number(string name, string property, double fallback)
    {
        var range = RecordLimits.Of<LoraConfig>(property);
        return Setting.Number(name, Help(property), fallback, (double)range.Minimum, MaximumOf(range));
    }

    private static string Help(string property) => OptionTexts.Of(typeof(LoraConfig), property);

    private static ModuleSelector ParseTargets(string text)
    {
        if (text.Equals(ModuleSelector.AllLinear.Pattern, StringComparison.OrdinalIgnoreCase)) return ModuleSelector.AllLinear;
        string[] names = SplitNames(text);
        return names.All(name => ModuleName().IsMatch(name)) ? ModuleSelector.FromNames(names) : ModuleSelector.FromPattern(text);
    }

    /// <summary>Names as here, "q_proj,v_proj", or as a list of Python or JSON, which begins with a bracket and a quote.</summary>
    private static string[] SplitNames(string text)
    {
        if (QuotedList().IsMatch(text))
            text = text.Trim()[1..^1].Replace("'", "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal);
        string[] names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 ? names : throw SettingText.Expected("names", text);
    }

    [GeneratedRegex("""\A\s*\[\s*(?:'[\w.]+'|"[\w.]+")(?:\s*,\s*(?:'[\w.]+'|"[\w.]+"))*\s*\]\s*\z""")]
    private static partial Regex QuotedList();

    [GeneratedRegex(@"\A[A-Za-z0-9_.]+\z")]
    private static partial Regex ModuleName();
}
