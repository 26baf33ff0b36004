using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Commands;

/// <summary>merge: base + adapter into a plain model, checked by running both.</summary>
internal static class MergeCommand
{
    public const string Summary = "Merge an adapter into its base and check the result against both.";

    private const string Sixteen = "16bit", Nf4 = "nf4";

    private static readonly ModelSettings Model = new(QuantizationKind.None, "Type of the merged weights; auto is the base's own.");

    private static readonly Setting<string> Base = new(
        "base", "16bit|nf4",
        "What the adapter is added to: 16bit, the base's own weights, as PEFT and Google's guide do; or nf4, the base's values after "
        + "4-bit quantization, which a QLoRA adapter was trained on. nf4 keeps exactly what was trained and measured; 16bit also takes the "
        + "quantization error back, which the adapter may have learned to make up for. Compare them with 'lapidary score'.", Sixteen,
        text => text is Sixteen or Nf4 ? text : throw SettingText.Expected("16bit or nf4", text));

    private static readonly Setting<string?> CheckText = Setting.Text(
        "check-text", "TEXT", "Text on which the merged model is compared with base and adapter.",
        new MergeOptions().CheckText);

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("merge", Summary,
                "--model gemma-3-1b-pt --adapter lapidary-output --output merged",
                "--model gemma-3-1b-pt --adapter lapidary-output --output merged --dtype float32 --max-shard-size 500MB --json")
            .Takes(
                Model.Model, Model.Adapter, OutputSettings.Output, OutputSettings.MaxShardSize, Model.DType, Base, Model.DoubleQuant,
                CheckText, Model.Tokenizer, DeviceSettings.Device, DeviceSettings.Threads, OutputSettings.Overwrite)
            .Takes(ToolCommand.Json)
            .Requires(Model.Adapter)
            .Requires(OutputSettings.Output)
            .HintsAtMissing(NothingToMerge)
            .Runs(terminal, Run);

    /// <summary>For a run that trained all weights, which has no adapter to give.</summary>
    private static string? NothingToMerge(CommandRun run) =>
        run.Values.Get(Model.Adapter) is null && run.Values.Get(Model.Model) is { } model && WholeModel.IsOfARun(model)
            ? $"{model} {WholeModel.NothingToMerge} {ShellText.Quote(model)}."
            : null;

    /// <summary>Whether the adapter's folder has a run's settings that say so.</summary>
    private static bool WasTrainedOnNf4(CommandRun run, string adapter)
    {
        string file = Path.Combine(adapter, RunSettings.FileName);
        if (!File.Exists(file)) return false;
        try
        {
            return run.ReadSettings(file, TrainCommand.AllSettings).Get(TrainCommand.Model.Quantization) == QuantizationKind.Nf4;
        }
        catch (LapidaryException)
        {
            return false; // no more than a note depends on it
        }
    }

    private static void Run(CommandRun run)
    {
        var (values, people) = (run.Values, run.People);
        string adapter = values.Require(Model.Adapter), output = values.Require(OutputSettings.Output);
        var folders = ModelFolders.Find(run, Model).FetchWeights(run, people);
        var options = new MergeOptions
        {
            DType = values.Get(Model.DType),
            FromNf4 = values.Get(Base) == Nf4,
            DoubleQuant = values.Get(Model.DoubleQuant),
            MaxShardBytes = values.Get(OutputSettings.MaxShardSize),
            TokenizerFolder = folders.Tokenizer,
            BaseName = values.Get(Model.Model),
            AdapterName = adapter,
            CheckText = values.Get(CheckText)!,
            Overwrite = values.Get(OutputSettings.Overwrite),
            CancellationToken = run.Interrupted,
            OnNote = run.Note,
        };
        if (!values.IsChosen(Base) && WasTrainedOnNf4(run, folders.Adapter!)) run.Note(
            "the adapter was trained on the base's NF4 values (QLoRA); it is added to the base's own weights here, and --base nf4 adds it "
            + "to what it was trained on. 'lapidary score' compares the two.");
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        options = options with { Progress = work };
        using var backend = DeviceSettings.CreateBackend(values);
        people.WriteLine($"Merging {adapter} into {values.Get(Model.Model)} "
            + $"({(options.FromNf4 ? "NF4 values" : "the base's own weights")}).");
        var check = Merger.Merge(folders.Model, folders.Adapter!, output, options, backend);
        work.Dispose();
        people.WriteLine($"Check: {check}.");
        var (tensors, bytes) = OutputSettings.Measure(output);
        run.PrintSummary(
            json =>
            {
                json.WriteString("output", output);
                json.WriteNumber("tensors", tensors);
                json.WriteNumber("bytes", bytes);
                json.WriteFinite("max_logit_distance", check.MaxDistance);
                json.WriteFinite("equal_argmax_share", check.EqualArgmax);
            },
            text =>
            {
                text.WriteLine($"{output}: {tensors} tensors, {ByteSize.Format(bytes)}.");
                NextSteps.Show(text, NextSteps.AfterMerge(output, folders.Adapter!));
            });
    }
}
