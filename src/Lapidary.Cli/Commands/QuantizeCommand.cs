using System.CommandLine;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>quantize: a plain model into a bitsandbytes-4bit one.</summary>
internal static class QuantizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new ModelSettings(QuantizationKind.Nf4);
        var json = CommandBuilder.Json();
        Setting[] settings =
            [model.Model, OutputFolder.Setting, OutputFolder.MaxShardSize, model.DoubleQuant, model.Device, model.Threads, OutputFolder.Overwrite];
        return CommandBuilder.Create("quantize", "Store a model in 4 bits, as bitsandbytes and transformers read it.",
                "--model gemma-3-1b-pt --output gemma-3-1b-pt-bnb-4bit",
                "--model merged --output merged-4bit --double-quant false --json")
            .With(settings).With(json)
            .Runs(parsed => Run(model, new SettingValues(settings, parsed), parsed.GetValue(json), terminal));
    }

    private static int Run(ModelSettings settings, SettingValues values, bool json, Terminal terminal)
    {
        string folder = ModelPath.Find(values.Require(settings.Model));
        string output = OutputFolder.Prepare(values);
        using var backend = settings.CreateBackend(values);
        Quantizer.Quantize(folder, output, new QuantizeOptions
        {
            DoubleQuant = values.Get(settings.DoubleQuant),
            MaxShardBytes = values.Get(OutputFolder.MaxShardSize),
            OnProgress = (_, _) => terminal.Interrupted.ThrowIfCancellationRequested(),
        }, backend);
        var (tensors, bytes) = OutputFolder.Measure(output);
        long before = OutputFolder.Measure(folder).Bytes;
        if (json)
        {
            JsonResult.Write(terminal.Out, result =>
            {
                result.WriteString("output", output);
                result.WriteNumber("tensors", tensors);
                result.WriteNumber("bytes", bytes);
                result.WriteNumber("source_bytes", before);
            });
        }
        else
        {
            terminal.Out.WriteLine($"{output}: {tensors} tensors, {ByteSize.Format(bytes)} (before {ByteSize.Format(before)}).");
        }

        return ExitCodes.Done;
    }
}
