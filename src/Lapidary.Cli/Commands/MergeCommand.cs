using System.CommandLine;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>merge: base + adapter into a plain model, checked by running both.</summary>
internal static class MergeCommand
{
    private const string Sixteen = "16bit", Nf4 = "nf4";

    // Compared on where there is no tokenizer: small ids are in every vocabulary.
    private static readonly int[] AnyIds = [2, .. Enumerable.Range(1, 31).Select(i => 3 + i * 29 % 251)];

    private static readonly Setting<string> Base = new(
        "base", "16bit|nf4", "Projections the adapter is added to: the base's own, or their NF4 values, on which it was trained.", Sixteen,
        text => text is Sixteen or Nf4 ? text : throw SettingText.Expected("16bit or nf4", text));

    private static readonly Setting<string?> CheckText =
        Settings.Text("check-text", "TEXT", "Text on which the merged model is compared with base and adapter.", "The lapidary cuts the stone until it shines.");

    public static Command Create(Terminal terminal)
    {
        var model = new ModelSettings(QuantizationKind.None);
        var json = CommandBuilder.Json();
        Setting[] settings =
        [
            model.Model, model.Adapter, OutputFolder.Setting, OutputFolder.MaxShardSize, model.DType, Base, model.DoubleQuant, CheckText,
            model.Tokenizer, model.Device, model.Threads, OutputFolder.Overwrite,
        ];
        return CommandBuilder.Create("merge", "Merge an adapter into its base and check the result against both.",
                "--model gemma-3-1b-pt --adapter lapidary-output --output merged",
                "--model gemma-3-1b-pt --adapter lapidary-output --output merged --dtype float32 --max-shard-size 500MB --json")
            .With(settings).With(json)
            .Runs(parsed => Run(model, new SettingValues(settings, parsed), parsed.GetValue(json), terminal));
    }

    private static int Run(ModelSettings settings, SettingValues values, bool json, Terminal terminal)
    {
        string folder = ModelPath.Find(values.Require(settings.Model)), adapter = values.Require(settings.Adapter);
        string output = OutputFolder.Prepare(values);
        bool fromNf4 = values.Get(Base) == Nf4;
        using var backend = settings.CreateBackend(values);
        var people = terminal.People(json);
        people.WriteLine($"Merging {adapter} into {folder} ({(fromNf4 ? "NF4 values" : "the base's own weights")}).");
        Merger.Merge(folder, adapter, output, new MergeOptions
        {
            DType = values.Get(settings.DType),
            FromNf4 = fromNf4,
            DoubleQuant = values.Get(settings.DoubleQuant),
            MaxShardBytes = values.Get(OutputFolder.MaxShardSize),
            OnProgress = (_, _) => terminal.Interrupted.ThrowIfCancellationRequested(),
        });

        var ids = CheckIds(settings, values, folder, adapter);
        var check = MergeCheck.Run(folder, adapter, output, ids, fromNf4, values.Get(settings.DoubleQuant), values.Get(settings.DType), backend);
        people.WriteLine($"Check: {check}.");
        var (tensors, bytes) = OutputFolder.Measure(output);
        if (json)
        {
            JsonResult.Write(terminal.Out, result =>
            {
                result.WriteString("output", output);
                result.WriteNumber("tensors", tensors);
                result.WriteNumber("bytes", bytes);
                result.WriteFinite("max_logit_distance", check.MaxDistance);
                result.WriteFinite("equal_argmax_share", check.EqualArgmax);
            });
        }
        else
        {
            people.WriteLine($"{output}: {tensors} tensors, {ByteSize.Format(bytes)}.");
        }

        return ExitCodes.Done;
    }

    /// <summary>The check text in tokens, by the tokenizer beside the base or else beside the adapter; fixed ids without one.</summary>
    private static IReadOnlyList<int> CheckIds(ModelSettings settings, SettingValues values, string folder, string adapter)
    {
        var text = TextTools.TryLoad(settings, values)
            ?? (File.Exists(Path.Combine(adapter, "tokenizer.json")) ? TextTools.Load(adapter) : null);
        int vocabulary = GemmaConfig.Load(folder).VocabSize;
        return text is null ? [.. AnyIds.Where(id => id < vocabulary)] : [.. text.EncodeText(values.Get(CheckText)!).Where(id => id < vocabulary)];
    }
}
