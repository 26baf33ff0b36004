using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Lora;

/// <summary>adapter_model.safetensors and adapter_config.json: PEFT's names for an <see cref="Adapter"/>'s matrices.</summary>
internal static class AdapterFiles
{
    public const string WeightsName = "adapter_model.safetensors";

    /// <summary>Writes both files; the matrix of a tied embedding and head stands under both names, as PEFT saves it.</summary>
    public static void Write(string folder, Adapter adapter, GemmaModel model)
    {
        var tensors = Tensors(adapter, model).OrderBy(pair => pair.Name, StringComparer.Ordinal).ToArray();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, WeightsName), [.. tensors.Select(pair => pair.Value.Declare(pair.Name))]);
        foreach (var (name, value) in tensors) writer.Write(name, stream => TensorStream.Write(value, stream, model.Backend));
        writer.Complete();
        AdapterConfigFile.Write(folder, ConfigFor(adapter, model));
    }

    /// <summary>Fills the adapter's matrices.</summary>
    /// <exception cref="LapidaryException">A matrix is missing or has another shape, or the file has one that the adapter has no place
    /// for.</exception>
    public static void Read(string folder, Adapter adapter, GemmaModel model)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, WeightsName));
        var names = new Dictionary<string, string>();
        foreach (var entry in file.Entries)
        {
            if (!TensorNames.TryNormalizeAdapter(entry.Name, out string? canonical))
            {
                throw new LapidaryException(
                    $"{file.Path}: tensor {entry.Name} belongs to no part of Gemma; is this another model's adapter?");
            }

            names[canonical] = entry.Name;
        }

        foreach (var parameter in adapter.Parameters)
        {
            // A tied matrix may be stored under either name.
            string? name = names.GetValueOrDefault(parameter.Name)
                ?? (ReferenceEquals(parameter, adapter.Head) ? names.GetValueOrDefault(TensorNames.Head) : null)
                ?? throw new LapidaryException(
                    $"{file.Path}: tensor {TensorNames.PeftPrefix}{parameter.Name} is missing; "
                    + "save the adapter again or choose another one.");
            TensorStream.Load(file, name, parameter.Value, model.Backend);
        }

        var known = Tensors(adapter, model: null).Select(pair => pair.Name).ToHashSet();
        if (names.Keys.FirstOrDefault(canonical => !known.Contains(canonical)) is { } extra)
        {
            throw new LapidaryException(
                $"{file.Path}: tensor {names[extra]} has no place in the adapter that {AdapterConfigFile.FileName} describes.");
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
    /// decoder's are told apart by a pattern.</summary>
    private static LoraConfig ConfigFor(Adapter adapter, GemmaModel model)
    {
        var config = adapter.Config with { BaseModelNameOrPath = adapter.Config.BaseModelNameOrPath ?? model.Folder };
        if (config.TargetModules is { IsAllLinear: false } && !model.Config.IsMultimodal) return config;
        string[] names =
            [.. adapter.TargetedModules.Select(module => module[(module.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal)];
        return config with
        {
            TargetModules = model.Config.IsMultimodal
                ? ModuleSelector.FromPattern($@".*language_model\..*\.({string.Join('|', names)})")
                : ModuleSelector.FromNames(names),
        };
    }
}
