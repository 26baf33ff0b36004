using System.CommandLine;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>plan: what a training run would take, for any device, from config.json or a published size alone.</summary>
internal static class PlanCommand
{
    private static readonly ModelSettings Model = TrainCommand.Model;

    private static readonly Setting<string?> Size = Settings.Text("size", "270m|1b|4b|12b|27b", "A published size, where there is no --model.");

    private static readonly Setting<long?> Memory = new(
        "memory", "SIZE", "Memory to plan for: 24GiB; what is free on the device where not given.", null, text => ByteSizeText.Parse(text));

    private static readonly IReadOnlyList<Setting> AllSettings = [Size, Memory, .. TrainCommand.AllSettings];

    public static Command Create(Terminal terminal)
    {
        var config = TrainCommand.ConfigFile();
        var json = CommandBuilder.Json();
        return CommandBuilder.Create(
                "plan", "Show the memory a training run would take, and the largest batch; takes the options of train, but needs no weights and no rows.",
                "--size 1b --device cuda --memory 24GiB",
                "--model gemma-3-4b-pt --max-length 1024 --per-device-train-batch-size 8 --modules-to-save none --json",
                "--config my-adapter/run.yaml --gradient-checkpointing true")
            .With(AllSettings).With(config, json)
            .Runs(parsed => Run(TrainCommand.Read(AllSettings, parsed, config), parsed.GetValue(json), terminal));
    }

    private static int Run(SettingValues values, bool json, Terminal terminal)
    {
        string? folder = values.Get(Size) is null ? ModelPath.Find(values.Require(Model.Model)) : null;
        var sizes = folder is null ? GemmaConfig.Preset(values.Get(Size)!) : GemmaConfig.Load(folder);
        var config = SftSettings.Read(values);
        var data = folder is not null && values.Get(DataSettings.DataSet) is not null
            ? TrainingData.Load(values, config, sizes, TextTools.TryLoad(Model, values))
            : null;
        config.Validate(hasEvaluation: data?.Evaluation is not null);
        var lora = values.Get(Model.Adapter) is { } adapter ? AdapterConfigFile.Read(adapter) : LoraSettings.Read(values, folder ?? values.Get(Size)!);
        var planned = PlannedRun.Create(Model, values, config, sizes, data, lora, values.Get(Memory));
        if (json)
        {
            JsonResult.Write(terminal.Out, planned.WriteTo);
            return ExitCodes.Done;
        }

        terminal.Out.WriteLine($"model      {values.Get(Model.Model) ?? values.Get(Size)}: {sizes.NumHiddenLayers} layers, stored as {sizes.Dtype}");
        planned.Show(terminal.Out);
        return ExitCodes.Done;
    }
}
