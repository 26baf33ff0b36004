using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Export;

/// <summary>export: writes a model in the formats of other programs.</summary>
internal static class ExportCommand
{
    public const string Summary = "Write a model for llama.cpp, Ollama and LM Studio.";

    private static readonly ModelSettings Model = new(QuantizationKind.None, hasAdapter: false);

    private static readonly Setting<GgufType> Type = new(
        "type", "f32|f16|bf16|q8_0|q4_0", "Type of the matrices; bf16 keeps a bfloat16 model exactly, q8_0 and q4_0 are smaller.",
        new GgufExportOptions().Type, text => (GgufType)SettingText.Enumeration(typeof(GgufType), text));

    private static readonly Setting<string?> Output = Setting.Text("output", "FILE", "The new file: model.gguf.");

    private static readonly Setting<string?> Modelfile =
        Setting.Text("modelfile", "FILE", "Also write a Modelfile, which 'ollama create NAME -f FILE' takes.");

    private static readonly Setting<bool> Overwrite = Setting.Flag("overwrite", "Replace files of these names.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("export", Summary, "gguf --model merged --output model.gguf --type q8_0")
            .Takes(
                new ToolCommand(
                        "gguf", "Write a GGUF file: weights, tokenizer and chat template in one.",
                        "--model merged --output model.gguf",
                        "--model merged --output model.gguf --type q8_0 --modelfile Modelfile",
                        "--model google/gemma-3-1b-it --output gemma-3-1b-it.gguf --type q4_0 --json")
                    .Takes(Model.Model, Output, Type, Modelfile, Overwrite)
                    .Takes(ToolCommand.Json)
                    .Requires(Model.Model)
                    .Requires(Output)
                    .Runs(terminal, RunGguf))
            .Runs(terminal, run => throw run.Wrong("expected a format after export, found none; gguf is the one there is."));

    private static void RunGguf(CommandRun run)
    {
        var values = run.Values;
        string output = values.Require(Output);
        string? modelfile = values.Get(Modelfile);
        run.RequireFile($"--{Output.Name}", output);
        if (modelfile is not null) run.RequireFile($"--{Modelfile.Name}", modelfile);
        string folder = ModelFolders.Find(run, Model).FetchWeights(run, run.People).Model;
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var written = GgufExporter.Export(folder, output, new GgufExportOptions
        {
            Type = values.Get(Type),
            Modelfile = modelfile,
            Overwrite = values.Get(Overwrite),
            CancellationToken = run.Interrupted,
            Progress = work,
            OnNote = run.Note,
        });
        work.Dispose();
        run.PrintSummary(
            json =>
            {
                json.WriteString("output", output);
                json.WriteNumber("tensors", written.Tensors);
                json.WriteNumber("tokens", written.Tokens);
                json.WriteNumber("bytes", written.Bytes);
                if (modelfile is not null) json.WriteString("modelfile", modelfile);
            },
            text =>
            {
                text.WriteLine($"{output}: {written.Tensors} tensors, {written.Tokens} tokens, {ByteSize.Format(written.Bytes)}.");
                if (modelfile is not null) NextSteps.Show(text, $"ollama create my-model -f {ShellText.Quote(modelfile)}");
            });
    }
}
