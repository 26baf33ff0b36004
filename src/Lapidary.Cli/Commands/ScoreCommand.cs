using System.CommandLine;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Commands;

/// <summary>score: loss of every row, without training.</summary>
internal static class ScoreCommand
{
    private static readonly Setting<int?> MaxLength =
        Settings.OptionalInteger("max-length", "Cut longer rows to this many tokens; all are kept where not given.", 2);

    private static readonly Setting<bool> CompletionOnly = Settings.Flag("completion-only-loss", "Score completions only, not their prompts.");

    private static readonly Setting<bool> AssistantOnly = Settings.Flag("assistant-only-loss", "Score the assistant's turns only.");

    public static Command Create(Terminal terminal)
    {
        var model = new ModelSettings(QuantizationKind.None);
        var json = CommandBuilder.Json();
        Setting[] settings = [.. model.All, DataSettings.DataSet, .. DataSettings.Columns, MaxLength, CompletionOnly, AssistantOnly];
        return CommandBuilder.Create("score", "Score rows: the model's loss in nats per token.",
                "--model gemma-3-1b-pt --dataset test.jsonl",
                "--model gemma-3-1b-pt --adapter lapidary-output --dataset test.jsonl --completion-only-loss --json")
            .With(settings).With(json)
            .Runs(parsed => Run(model, new SettingValues(settings, parsed), parsed.GetValue(json), terminal));
    }

    private static int Run(ModelSettings settings, SettingValues values, bool json, Terminal terminal)
    {
        string path = values.Require(DataSettings.DataSet);
        var config = GemmaConfig.Load(ModelPath.Find(values.Require(settings.Model)));
        var encoder = TextTools.TryLoad(settings, values)?.Encoder();
        var data = DataSet.Load(path, DataSettings.Read(values));
        var examples = new ExampleBuilder(encoder, config.VocabSize, new ExampleOptions
        {
            MaxLength = values.Get(MaxLength),
            CompletionOnlyLoss = values.Get(CompletionOnly),
            AssistantOnlyLoss = values.Get(AssistantOnly),
        }).Build(data);

        // Rows in which nothing is predicted are left out of the examples; they stay in the result with 0 tokens.
        var scores = Enumerable.Repeat(new RowScore(0, 0), data.Count).ToArray();
        if (examples.Examples.Count > 0)
        {
            using var session = ModelSession.Open(settings, values);
            var rows = new PackedDataSet(examples, PackingStrategy.None, values.Get(MaxLength) ?? config.MaxPositionEmbeddings, config.PadTokenId);
            using var evaluator = new Evaluator(session.Model, rows, batchSize: 1);
            int row = 0;
            foreach (var score in evaluator.ScoreRows())
            {
                scores[examples.Rows[row++]] = score;
                terminal.Interrupted.ThrowIfCancellationRequested();
            }
        }

        long tokens = scores.Sum(score => (long)score.Tokens);
        double loss = scores.Sum(score => score.Loss * score.Tokens) / Math.Max(1, tokens);
        if (json) WriteJson(terminal.Out, loss, tokens, scores);
        else WriteText(terminal.Out, loss, tokens, scores);
        return ExitCodes.Done;
    }

    private static void WriteText(TextWriter output, double loss, long tokens, RowScore[] scores)
    {
        for (int i = 0; i < scores.Length; i++) output.WriteLine($"row {i + 1,6}  loss {scores[i].Loss:F4}  tokens {scores[i].Tokens}");
        output.WriteLine($"all {scores.Length} rows: loss {loss:F4} nats per token, perplexity {Math.Exp(loss):G4}, {tokens} tokens");
    }

    private static void WriteJson(TextWriter output, double loss, long tokens, RowScore[] scores) => JsonResult.Write(output, json =>
    {
        json.WriteFinite("loss", loss);
        json.WriteNumber("tokens", tokens);
        json.WriteStartArray("rows");
        foreach (var score in scores)
        {
            json.WriteStartObject();
            json.WriteFinite("loss", score.Loss);
            json.WriteNumber("tokens", score.Tokens);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
