using Lapidary.Cli.CommandLine;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Settings;

/// <summary>A file of settings for one method, beside the other method on the command line. Data, batches and schedule of the file hold for
/// both. Nothing that belongs to the file's method is taken over, and nothing is left out in silence.</summary>
/// <param name="file">The file.</param>
/// <param name="method">The method on the command line.</param>
internal sealed class OtherMethodFile(RunFile file, TrainingMethod method)
{
    private static readonly Setting LearningRate = SftSettings.Of(nameof(SftConfig.LearningRate));

    /// <summary>The file of --config if it is for another method than the one that is typed; else null.</summary>
    /// <param name="values">The command's settings.</param>
    /// <param name="method">--method. A file without it is for the default.</param>
    public static OtherMethodFile? Of(SettingValues values, Setting<TrainingMethod> method)
    {
        if (values.File is not { } file || !values.IsTyped(method)) return null;
        object? stored = file.Values.TryGetValue(method, out var value) ? file.Parse(method, value) : method.DefaultValue;
        return Equals(stored, values.Get(method)) ? null : new OtherMethodFile(file, values.Get(method));
    }

    /// <summary>Refuses what only the user can decide, and names what is left out.</summary>
    /// <exception cref="ToolException">The file has an adapter to start from, or a value that suits its own method, and the command line
    /// has no other.</exception>
    public void Check(CommandRun run, ModelSettings model, bool trains)
    {
        var values = run.Values;
        bool isFull = method == TrainingMethod.Full;
        if (isFull && Has(values, model.Adapter))
        {
            throw new ToolException($"{file.PlaceOf(model.Adapter)}: --method full starts from a whole model; merge the adapter first "
                + "(lapidary merge), and give the result as --model with a file that has no adapter.");
        }

        var chosen = new List<(Setting Setting, string Usual)>();
        if (trains && Has(values, LearningRate))
        {
            double usual = (isFull ? SftConfig.Full : new SftConfig()).LearningRate;
            chosen.Add((LearningRate, LearningRate.FormatValue(usual)!));
        }

        if (!isFull && Has(values, model.Quantization))
            chosen.Add((model.Quantization, model.Quantization.FormatValue(model.Quantization.DefaultValue)!));
        if (chosen.Count > 0)
        {
            string options = string.Join(" and ", chosen.Select(pair => $"--{pair.Setting.Name} {pair.Usual}"));
            throw new ToolException(
                $"{file.Source}: its {string.Join(" and ", chosen.Select(pair => Describe(pair.Setting)))} "
                + $"{(chosen.Count == 1 ? "is" : "are")} for method {(isFull ? "lora" : "full")}, found --method "
                + $"{(isFull ? "full" : "lora")}; give what this run is to have, such as the default{(chosen.Count == 1 ? "" : "s")}: "
                + $"{options}.");
        }

        if (!isFull) return;
        string[] left = [.. values.All.Where(setting => IsLeftOut(values, setting, model)).Select(KeyOf)];
        if (left.Length == 0) return;

        // Quoted, so that the keys are not shown as options, which nobody has typed.
        string are = left.Length == 1 ? "is" : "are";
        run.Note($"{file.Source}: --method full leaves out \"{string.Join(", ", left)}\", which {are} LoRA's.");
    }

    private bool IsLeftOut(SettingValues values, Setting setting, ModelSettings model) => Has(values, setting)
        && (MethodSettings.IsOfLora(setting, model)
            || (setting == model.Quantization && values.Get(model.Quantization) != QuantizationKind.None));

    private bool Has(SettingValues values, Setting setting) => file.Values.ContainsKey(setting) && !values.IsTyped(setting);

    private string KeyOf(Setting setting) => file.Values[setting].Key;

    private string Describe(Setting setting) => $"{KeyOf(setting)} {file.Values[setting].Text}";
}
