using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;

namespace Lapidary.Cli.Serving;

/// <summary>The adapters of a plan for serve, all of one shape.</summary>
/// <param name="Count">Number of adapters.</param>
/// <param name="Shape">The settings of each.</param>
/// <param name="HasOwnEngines">Whether each has answers of its own at a time, because it has an embedding or a head.</param>
internal sealed record PlannedAdapters(int Count, LoraConfig Shape, bool HasOwnEngines)
{
    /// <summary>How many there are.</summary>
    public static readonly Setting<int?> Number = Setting.OptionalInteger(
        "adapter-count",
        "With --for serve: adapters served beside the base, each as large as --adapter, or as a new one by --lora-r, --target-modules and "
        + "--modules-to-save (none if not given). Without the option: one with --adapter, else none.",
        0, 4096);

    /// <summary>The options that say what they are; those of a new adapter count only beside <see cref="Number"/>.</summary>
    public static IReadOnlyList<Setting> Settings(SettingValues values) => values.IsTyped(Number)
        ? [Number, LoraSettings.R, LoraSettings.TargetModules, LoraSettings.ModulesToSave] : [Number];

    /// <summary>What the options say.</summary>
    /// <param name="values">The command's.</param>
    /// <param name="folder">The folder of --adapter; null without one.</param>
    /// <param name="model">Name of the base.</param>
    /// <param name="sizes">config.json.</param>
    /// <exception cref="Lapidary.Formats.LapidaryException">The adapter cannot be read, is another model's, or differs
    /// from an option.</exception>
    public static PlannedAdapters Read(SettingValues values, string? folder, string model, GemmaConfig sizes)
    {
        var shape = folder is null ? LoraSettings.Read(values, model) : LoraSettings.ReadSaved(values, folder, sizes);
        if (folder is not null && File.Exists(Path.Combine(folder, AdapterFiles.WeightsName)))
        {
            // What serve reads before their values: whether the file is whole, of this model, and has an embedding that is not listed.
            using var files = AdapterFiles.Open(folder, sizes);
            shape = shape with { ModulesToSave = files.Config.ModulesToSave, EnsureWeightTying = files.Config.EnsureWeightTying };
        }

        if (folder is null && !values.IsTyped(LoraSettings.ModulesToSave)) shape = shape with { ModulesToSave = null };
        return new(
            values.Get(Number) ?? (folder is null ? 0 : 1), shape, new ModuleNames(sizes).SavedWhole(shape).Count > 0);
    }

    /// <summary>The engines that serve starts: one of the base and all adapters that are LoRA alone, and one of each other
    /// adapter.</summary>
    /// <param name="model">A <see cref="GemmaModel.Skeleton"/>.</param>
    public ServedSkeletons Over(GemmaModel model)
    {
        var served = new ServedSkeletons(model);
        try
        {
            for (int i = 0; i < Count; i++) served.Add(Shape, HasOwnEngines);
            return served;
        }
        catch
        {
            served.Dispose();
            throw;
        }
    }

    /// <summary>Shows them to people.</summary>
    public void Show(TextWriter people)
    {
        if (Count == 0) return;
        people.WriteLine($"adapters   {Count} of rank {Shape.R} beside the base, "
            + (HasOwnEngines ? "each with an embedding or a head, and so with as many answers of its own" : "which share its answers"));
    }
}
