using System.CommandLine;
using System.Diagnostics;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Evaluation;

/// <summary>eval: how often a model's SQL gives the right rows.</summary>
internal static class EvalCommand
{
    public const string Summary = "Run the SQL that a model writes, and show how often it gives the right rows.";

    private static readonly Option<bool> Resume =
        new("--resume") { Description = "Go on with the answers that --output was begun with." };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("eval", Summary,
                "--model gemma-3-1b-pt --adapter my-adapter --tokenizer gemma-3-1b-it --dataset test.jsonl --with-base",
                "--model merged --dataset gretelai/synthetic_text_to_sql:test --output answers.jsonl --device cuda:all",
                "--predictions answers.jsonl --dataset test.jsonl --failures wrong.jsonl --json",
                "--predictions before.jsonl --predictions after.jsonl --dataset test.jsonl")
            .Takes([EvalSettings.DataSet, .. EvalSettings.Columns, EvalSettings.Metric, EvalSettings.Predictions])
            .Takes(EvalSettings.WithBase, EvalSettings.HoldNames, EvalSettings.Output, EvalSettings.Failures, EvalSettings.FailUnder)
            .Takes(Resume)
            .Takes(EvalSettings.Model.All)
            .Takes([EvalSettings.MaxNewTokens, EvalSettings.BatchSize, .. SamplingSettings.All, RankSettings.DdpTimeout])
            .Takes(ToolCommand.Json)
            .Requires(EvalSettings.Model.Model, EvalSettings.Model.Adapter, EvalSettings.Predictions)
            .Requires(EvalSettings.DataSet)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        var values = run.Values;
        if (values.Require(DataSettings.DataSet).Any(DataSettings.IsPipe))
            throw run.Wrong("--dataset: eval cannot read rows from a pipe; save them in a file, and give its name.");
        foreach (var setting in new[] { EvalSettings.Output, EvalSettings.Failures })
            if (values.Get(setting) is { } file) run.RequireFile($"--{setting.Name}", file);
        if (run.Get(Resume) && values.Get(EvalSettings.Output) is null)
            throw run.Wrong($"--resume goes on with a file: give it with --{EvalSettings.Output.Name}.");
        if (values.Get(EvalSettings.Failures) is { } failures)
        {
            if (UseOf(values, failures) is { } use)
                throw run.Wrong($"--{EvalSettings.Failures.Name}: {failures} is also --{use.Name}; name another file.");
            FailureFile.Check(failures);
        }

        return values.IsGiven(EvalSettings.Predictions) ? OfFiles(run) : OfAModel(run);
    }

    /// <summary>The option that names the same file; null for none.</summary>
    private static Setting? UseOf(SettingValues values, string failures)
    {
        string path = Path.GetFullPath(failures);
        if (values.Get(EvalSettings.Output) is { } output && path == Path.GetFullPath(output)) return EvalSettings.Output;
        if (values.Get(EvalSettings.Predictions).Any(file => path == Path.GetFullPath(file))) return EvalSettings.Predictions;
        return values.Require(DataSettings.DataSet).Any(name => path == Path.GetFullPath(name)) ? DataSettings.DataSet : null;
    }

    private static int OfFiles(CommandRun run)
    {
        var values = run.Values;
        if (EvalSettings.OfAModel.FirstOrDefault(values.IsGiven) is { } other && !IsSeedOfADraw(run, other))
            throw run.Wrong($"--{other.Name} is for a model; --{EvalSettings.Predictions.Name} scores answers that are there already.");
        if (run.Get(Resume)) throw run.Wrong($"--resume is for a model; --{EvalSettings.Predictions.Name} is scored at once.");
        var files = values.Get(EvalSettings.Predictions);
        if (files.Count > 2)
            throw run.Wrong($"--{EvalSettings.Predictions.Name}: expected one file, or two to compare, found {files.Count}.");
        if (files.Count(file => file == "-") > 1)
            throw run.Wrong($"--{EvalSettings.Predictions.Name}: standard input can be read once; give a file for the others.");
        var seconds = new OrderedDictionary<string, double>();
        var rows = Timed(seconds, "reading", () => EvalRows.Load(run));
        var answers = files
            .Select(file => Fitted(PredictionFile.Read(file, run.Terminal.In, run.Note, rows.Rows.Count, rows.Read), file, rows))
            .ToList();
        for (int i = 0; i < files.Count; i++)
        {
            if (Unanswered(answers[i]) is > 0 and var missing)
                run.Note($"{files[i]}: {missing} of {Amount.Of(answers[i].Count, "prediction")} "
                    + $"{(missing == 1 ? "is missing (null) and counts" : "are missing (null) and count")} as wrong.");
        }

        return Score(run, rows, answers, Unanswered(answers[^1]), seconds);
    }

    private static int OfAModel(CommandRun run)
    {
        using var team = RankTeam.Join(run, exchanges: false);
        return team.Run(() =>
        {
            var seconds = new OrderedDictionary<string, double>();
            var rows = Timed(seconds, "reading", () => EvalRows.Load(run));
            using var model = Timed(seconds, "prompts", () => ModelAnswers.Prepare(run, team, rows, run.Get(Resume)));
            ShowErrors(run, model.Errors);
            if (model.Run() is not { } answers) return ExitCodes.Interrupted;
            (seconds["loading"], seconds["answers"]) = (model.LoadSeconds, model.AnswerSeconds);
            return team.IsLeader ? Score(run, rows, answers, model.Errors.Count, seconds) : ExitCodes.Done;
        });
    }

    private static int Unanswered(IReadOnlyList<string?> answers) => answers.Count(answer => answer is null);

    /// <summary>The seed also draws rows.</summary>
    private static bool IsSeedOfADraw(CommandRun run, Setting setting) =>
        setting.Name == "seed" && run.Values.IsGiven(DataSettings.Select);

    /// <summary>One prediction for each row; of those for all rows, the ones of the drawn rows.</summary>
    private static IReadOnlyList<string?> Fitted(IReadOnlyList<string?> answers, string file, EvalRows rows)
    {
        if (answers.Count == rows.Rows.Count) return answers;
        if (rows.Drawn is { } drawn && answers.Count == rows.Read) return [.. drawn.Select(row => answers[row])];
        string name = file == "-" ? "standard input" : file;
        string among = rows.Drawn is null ? "" : $", or {rows.Read}, one for each row before --{DataSettings.Select.Name}";
        throw new LapidaryException(
            $"{name}: expected {Amount.Of(rows.Rows.Count, "prediction")}, one for each row in their order{among}, found {answers.Count}.");
    }

    private static T Timed<T>(OrderedDictionary<string, double> seconds, string part, Func<T> work)
    {
        long started = Stopwatch.GetTimestamp();
        var result = work();
        seconds[part] = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return result;
    }

    private static int Score(
        CommandRun run, EvalRows rows, IReadOnlyList<IReadOnlyList<string?>> answers, int unanswered,
        OrderedDictionary<string, double> seconds)
    {
        var scorer = new SqlScorer();
        var scores = new List<IReadOnlyList<SqlScore>>();
        using (var work = new WorkScreen(run.Terminal, run.IsJson))
        {
            // There is nothing to save: a signal ends the process at once, also within a slow statement.
            Timed(seconds, "scores", () =>
            {
                foreach (var some in answers) scores.Add(scorer.ScoreAll(rows.Rows, some, work.Report, run.Interrupted));
                return scores;
            });
        }

        int unansweredScored = scores[^1].Zip(answers[^1]).Count(pair => pair is { First.IsScored: true, Second: null });
        var result = new EvalResult(rows, [.. scores.Select(SqlAccuracy.Of)], scores, unanswered, unansweredScored, seconds);
        foreach (string note in result.Notes()) run.Note(note);
        run.Print(result.WriteTo, result.Show);
        if (run.Values.Get(EvalSettings.Failures) is { } failures) FailureFile.Write(failures, rows, scores[^1], answers[^1]);
        if (run.Values.Get(EvalSettings.FailUnder) is not { } least) return ExitCodes.Done;
        if (result.Last.Rows == 0)
        {
            run.Terminal.Error.WriteLine($"lapidary: no row was scored, so that --{EvalSettings.FailUnder.Name} has nothing to compare.");
            return ExitCodes.Error;
        }

        if (result.Last.ExecutionAccuracy >= least) return ExitCodes.Done;
        run.Terminal.Error.WriteLine(
            $"lapidary: the accuracy is {EvalResult.Fraction(result.Last.ExecutionAccuracy)}, below --{EvalSettings.FailUnder.Name} "
            + $"{EvalResult.Fraction(least)}.");
        return ExitCodes.Error;
    }

    /// <summary>Rows without a prompt count as wrong, which a user must know.</summary>
    private static void ShowErrors(CommandRun run, IReadOnlyList<string> errors)
    {
        const int Most = 10;
        foreach (string error in errors.Take(Most)) run.Note($"{error} The row counts as wrong.");
        const string One = "more row has no prompt and counts", Many = "more rows have no prompt and count";
        if (errors.Count > Most) run.Note($"{Amount.Of(errors.Count - Most, One, Many)} as wrong.");
    }
}
