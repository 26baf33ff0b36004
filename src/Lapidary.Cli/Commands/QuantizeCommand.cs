using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>quantize: converts a plain model into a bitsandbytes-4bit one.</summary>
internal static class QuantizeCommand
{
    public const string Summary = "Store a model in 4 bits, as bitsandbytes and transformers read it.";

    private static readonly ModelSettings Model = new(QuantizationKind.Nf4, hasAdapter: false);

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("quantize", Summary,
                "--model gemma-3-1b-pt --output gemma-3-1b-pt-bnb-4bit",
                "--model merged --output merged-4bit --double-quant false --json")
            .Takes(
                Model.Model, OutputSettings.Output, OutputSettings.MaxShardSize, Model.DoubleQuant, DeviceSettings.Device,
                DeviceSettings.Threads, OutputSettings.Overwrite)
            .Takes(ToolCommand.Json)
            .Requires(Model.Model)
            .Requires(OutputSettings.Output)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var values = run.Values;
        string output = values.Require(OutputSettings.Output);
        string folder = ModelFolders.Find(run, Model).FetchWeights(run, run.People).Model;
        using var backend = DeviceSettings.CreateBackend(values);
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        Quantizer.Quantize(folder, output, new QuantizeOptions
        {
            DoubleQuant = values.Get(Model.DoubleQuant),
            MaxShardBytes = values.Get(OutputSettings.MaxShardSize),
            Overwrite = values.Get(OutputSettings.Overwrite),
            CancellationToken = run.Interrupted,
            Progress = work,
        }, backend);
        work.Dispose();

        var (tensors, bytes) = OutputSettings.Measure(output);
        long before = OutputSettings.Measure(folder).Bytes;
        run.PrintSummary(
            json =>
            {
                json.WriteString("output", output);
                json.WriteNumber("tensors", tensors);
                json.WriteNumber("bytes", bytes);
                json.WriteNumber("source_bytes", before);
            },
            text =>
            {
                text.WriteLine($"{output}: {tensors} tensors, {ByteSize.Format(bytes)} (before {ByteSize.Format(before)}).");
                NextSteps.Show(text, NextSteps.Generate(output, folder));
            });
    }
}
