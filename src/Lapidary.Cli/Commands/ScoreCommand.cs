using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Commands;

/// <summary>score: loss of every row, without training.</summary>
internal static class ScoreCommand
{
    public const string Summary = "Show the model's loss on each row, in nats per token.";

    private static readonly ModelSettings Model = new(QuantizationKind.None);

    private static readonly Setting<int?> MaxLength =
        Setting.OptionalInteger("max-length", "Cut longer rows to this many tokens; all are kept where not given.", 2);

    private static readonly Setting<bool> CompletionOnly =
        Setting.Flag("completion-only-loss", "Score completions only, not their prompts.");

    private static readonly Setting<bool> AssistantOnly = Setting.Flag("assistant-only-loss", "Score the assistant's turns only.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("score", Summary,
                "--model gemma-3-1b-pt --dataset test.jsonl",
                "--model gemma-3-1b-pt --adapter lapidary-output --dataset test.jsonl --completion-only-loss --json")
            .Takes([
                .. Model.All, DataSettings.DataSet, .. DataSettings.Columns, DataSettings.Cache, MaxLength, CompletionOnly, AssistantOnly,
                RankSettings.DdpTimeout,
            ])
            .Takes(ToolCommand.Json)
            .Requires(Model.Model, Model.Adapter)
            .Requires(DataSettings.DataSet)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        using var team = RankTeam.Join(run, exchanges: false);
        team.Run(() => Run(run, team));
    }

    private static int Run(CommandRun run, RankTeam team)
    {
        var values = run.Values;
        var folders = ModelFolders.Find(run, Model);
        var config = GemmaConfig.Load(folders.Model);
        var encoder = TextTools.TryLoad(Model, values, folders)?.Encoder();
        var (data, prepared) = Prepare(run, config, encoder);
        bool hasPrompts = data.Count > 0 && data.Rows[0] is PromptCompletionRow or ConversationalPromptRow;
        if (team.IsLeader && hasPrompts && !values.IsGiven(CompletionOnly))
            run.Note($"prompts are scored too; --{CompletionOnly.Name} leaves them out, as train does.");

        // Rows without a predicted token are not among the examples; they stay in the result with 0 tokens.
        var scores = Enumerable.Repeat(new RowScore(0, 0), data.Count).ToArray();
        if (prepared.Packed.Count > 0)
        {
            folders.FetchWeights(run);
            var all = team.RunEach(rank => Score(run, rank, folders, prepared.Packed));
            for (int row = 0; row < all.Count; row++) scores[prepared.Examples.RowOf(row)] = all[row];
        }

        long tokens = scores.Sum(score => (long)score.Tokens);
        double loss = scores.Sum(score => score.Loss * score.Tokens) / Math.Max(1, tokens);
        run.Print(json => Write(json, loss, tokens, scores), text => Write(text, loss, tokens, scores));
        return ExitCodes.Done;
    }

    private static (DataSet Rows, PreparedDataSet Prepared) Prepare(CommandRun run, GemmaConfig model, ITextEncoder? encoder)
    {
        var values = run.Values;
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var data = NamedData.ReadAll(run, values.Require(DataSettings.DataSet), work);
        return (data, PreparedDataSet.ForScoring(
            data, encoder, model, values.Get(MaxLength), values.Get(CompletionOnly), values.Get(AssistantOnly)));
    }

    /// <summary>Scores the rows of one rank.</summary>
    /// <returns>The scores of all rows.</returns>
    private static List<RowScore> Score(CommandRun run, LocalRank rank, ModelFolders folders, PackedDataSet rows)
    {
        using var session = ModelSession.Open(run, Model, folders, rank.CreateBackend(Model.Computing(run.Values)), isShown: rank.IsLeader);
        if (rank.IsLeader)
            foreach (string note in session.Notes) run.Note(note);
        using var evaluator = new Evaluator(session.Model, rows, batchSize: 1, rank.Group);
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var scores = new List<RowScore>();
        foreach (var score in evaluator.ScoreRows())
        {
            scores.Add(score);
            if (rank.IsLeader) work.Report(new("scoring", scores.Count, rows.Count, "rows"));
            run.Interrupted.ThrowIfCancellationRequested();
        }

        return scores;
    }

    private static void Write(TextWriter text, double loss, long tokens, RowScore[] scores)
    {
        for (int i = 0; i < scores.Length; i++) text.WriteLine($"row {i + 1,6}  loss {scores[i].Loss:F4}  tokens {scores[i].Tokens}");
        text.WriteLine($"all {Amount.Of(scores.Length, "row")}: loss {loss:F4} nats per token, perplexity {Math.Exp(loss):G4}, "
            + $"{Amount.Of(tokens, "token")}");
    }

    private static void Write(Utf8JsonWriter json, double loss, long tokens, RowScore[] scores)
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
    }
}
