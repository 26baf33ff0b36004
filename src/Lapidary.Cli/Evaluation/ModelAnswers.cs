using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Generation;
using Lapidary.Cli.Models;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql.Names;

namespace Lapidary.Cli.Evaluation;

/// <summary>The answers of a model to the rows of an evaluation: with its adapter, and before that without it if both are compared. A file
/// of answers is written row by row and can be continued.</summary>
internal sealed class ModelAnswers : IDisposable
{
    private readonly CommandRun _run;
    private readonly RankTeam _team;
    private readonly ModelFolders _folders;
    private readonly IReadOnlyList<RowQuestion> _questions;
    private readonly RowAnswering _answering;
    private readonly List<Pass> _passes = [];

    private ModelAnswers(
        CommandRun run, RankTeam team, ModelFolders folders, IReadOnlyList<RowQuestion> questions, RowAnswering answering) =>
        (_run, _team, _folders, _questions, _answering) = (run, team, folders, questions, answering);

    /// <summary>Time of the model's loading; 0 if all answers were there.</summary>
    public double LoadSeconds { get; private set; }

    /// <summary>Time of the answers.</summary>
    public double AnswerSeconds { get; private set; }

    /// <summary>Errors of rows that have no prompt, one line each.</summary>
    public IReadOnlyList<string> Errors => [.. _questions.Select(question => question.Error).OfType<string>()];

    /// <summary>Checks everything and opens the files, before weights are fetched or loaded.</summary>
    /// <param name="run">The command.</param>
    /// <param name="team">The ranks.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="resume">Whether to continue unfinished files.</param>
    /// <exception cref="LapidaryException">The model does not exist, or a file belongs to other answers.</exception>
    public static ModelAnswers Prepare(CommandRun run, RankTeam team, EvalRows rows, bool resume)
    {
        var (values, settings) = (run.Values, EvalSettings.Model);
        var folders = ModelFolders.Find(run, settings);
        var text = TextTools.TryLoad(settings, values, folders);
        var config = GemmaConfig.Load(folders.Model);
        bool withBase = values.Get(EvalSettings.WithBase);
        if (withBase && folders.Adapter is null)
            throw WithoutAdapter(run);
        IReadOnlyList<RowQuestion> questions =
        [
            .. rows.Ask(text, config).Select(asked => asked.Error is { } error ? asked with { Error = run.Line(error) } : asked),
        ];
        if (values.Get(EvalSettings.HoldNames))
            questions = [.. questions.Zip(rows.Rows, (question, row) => question with { Form = SqlForm.OfAnswers(row.SqlContext) })];
        if (questions.All(question => question.PromptIds is null)) throw new ToolException(questions[0].Error!);
        var makers = GenerationConfig.Load(folders.Model, config);
        foreach (string note in SamplingSettings.Notes(values, makers)) run.Note(note);
        var chosen = SamplingSettings.Options(values, GenerationOptions.From(makers, text?.Tokenizer), config) with
        {
            MaxNewTokens = values.Get(EvalSettings.MaxNewTokens),
        };
        var stops = SamplingSettings.Stops(values);
        var answers = new ModelAnswers(
            run, team, folders, questions,
            new RowAnswering(run, questions, chosen, stops, values.Get(EvalSettings.BatchSize) ?? 0, text));
        try
        {
            string? output = values.Get(EvalSettings.Output);
            if (output is not null) AnswersFile.RequirePlace(output);
            if (withBase && output is not null) AnswersFile.RequirePlace(BaseOf(output)!);
            if (withBase) answers.Add(new Pass("base", WithAdapter: false, BaseOf(output)), resume, chosen, stops);
            answers.Add(new Pass(withBase ? "adapter" : "", WithAdapter: true, output), resume, chosen, stops);
            return answers;
        }
        catch
        {
            answers.Dispose();
            throw;
        }
    }

    /// <summary>A model of a run that trained all weights has its base nowhere inside: it is compared by files of answers.</summary>
    private static UsageException WithoutAdapter(CommandRun run)
    {
        string model = run.Values.Require(EvalSettings.Model.Model), name = EvalSettings.WithBase.Name;
        return WholeModel.IsOfARun(model)
            ? run.Wrong($"--{name} leaves out the adapter, and {model} has none: a run with --method full trained all its weights. Run "
                + "eval for the base and for it, with --output before.jsonl and --output after.jsonl, and compare these with "
                + "--predictions before.jsonl --predictions after.jsonl.")
            : run.Wrong($"--{name} compares a model with and without --adapter: give one.");
    }

    /// <summary>Asks the model.</summary>
    /// <returns>The answers of each pass, on rank 0; null if it was interrupted.</returns>
    public IReadOnlyList<IReadOnlyList<string?>>? Run()
    {
        if (_passes.Exists(pass => pass.Done < _questions.Count))
        {
            _folders.FetchWeights(_run, _run.People);
            var (stopped, end) = _team.RunEach(AnswerAll);
            if (stopped < _passes.Count)
            {
                foreach (var pass in _passes) pass.File?.Keep();
                if (_team.IsLeader)
                {
                    string how = _passes[stopped].Output is null
                        ? $"; --{EvalSettings.Output.Name} keeps answers" : "; go on with --resume";
                    _run.Terminal.Error.WriteLine($"lapidary: interrupted after {end} of {Amount.Of(_questions.Count, "row")}{how}.");
                }

                return null;
            }
        }

        if (!_team.IsLeader) return [];
        foreach (var pass in _passes) pass.File?.Complete();
        return [.. _passes.Select(AnswersOf)];
    }

    public void Dispose()
    {
        foreach (var pass in _passes) pass.File?.Dispose();
    }

    /// <summary>The file of the base's answers.</summary>
    public static string? BaseOf(string? output) => output is null
        ? null
        : Path.Combine(
            Path.GetDirectoryName(output) ?? "", $"{Path.GetFileNameWithoutExtension(output)}.base{Path.GetExtension(output)}");

    private void Add(Pass pass, bool resume, GenerationOptions chosen, IReadOnlyList<string> stops)
    {
        _passes.Add(pass);
        if (pass.Output is null) return;
        bool isComplete = false;
        if (_team.IsLeader)
        {
            if (resume && CompleteAnswers.Exist(pass.Output))
            {
                _ = CompleteAnswers.FailedRows(pass.Output); // which checks it
                pass.Done = File.ReadLines(pass.Output).Count();
                isComplete = pass.Done == _questions.Count;
                if (isComplete) CompleteAnswers.RequireRows(pass.Output, _questions);
                if (isComplete) CompleteAnswers.DeleteLeftovers(pass.Output);
            }
            else
            {
                pass.File = AnswersFile.Open(
                    pass.Output, resume,
                    AnswerIdentity.Of(
                        _run, EvalSettings.Model, _folders.Model, pass.WithAdapter ? _folders.Adapter : null, _questions, chosen, stops));
                pass.Done = pass.File.Rows;
            }
        }

        pass.Done = int.Parse(_team.FromLeader($"{pass.Done}")!, CultureInfo.InvariantCulture);
        if (pass.Done > _questions.Count || (pass.File is null && _team.IsLeader && pass.Done < _questions.Count))
        {
            throw new LapidaryException(
                $"{pass.Output}: has answers to {Amount.Of(pass.Done, "row")}, the data set has {_questions.Count}; "
                + "choose another output.");
        }

        if (!isComplete) return;
        _run.Note($"{pass.Output} is complete: its answers to these rows are scored, whichever model and options they were made with.");
    }

    /// <summary>One rank's share of all passes.</summary>
    /// <returns>The first pass that was interrupted, or their number; and its rows.</returns>
    private (int Pass, int Rows) AnswerAll(LocalRank rank)
    {
        long started = Stopwatch.GetTimestamp();
        var backend = rank.CreateBackend(EvalSettings.Model.Computing(_run.Values));
        using var session = ModelSession.Open(_run, EvalSettings.Model, _folders, backend, isShown: rank.IsLeader);
        if (rank.IsLeader)
            foreach (string note in session.Notes) _run.Note(note);
        if (rank.IsLeader) LoadSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        started = Stopwatch.GetTimestamp();
        for (int i = 0; i < _passes.Count; i++)
        {
            var pass = _passes[i];
            session.Model.Attach(pass.WithAdapter ? session.Adapter : null);
            int end = _answering.Share(session.Model, rank.Group, pass.Done, pass.Name, isShown: rank.IsLeader, pass.Save);
            if (end < _questions.Count) return (i, end);
        }

        if (rank.IsLeader) AnswerSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        return (_passes.Count, _questions.Count);
    }

    private IReadOnlyList<string?> AnswersOf(Pass pass) =>
        pass.Output is null ? [.. pass.Lines.Select(TextOf)] : [.. File.ReadLines(pass.Output).Select(TextOf)];

    private static string? TextOf(string line)
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.GetProperty("output").GetString();
    }

    /// <summary>Answers of the model with or without its adapter.</summary>
    /// <param name="Name">A word for the progress.</param>
    /// <param name="WithAdapter">Whether the adapter is attached.</param>
    /// <param name="Output">The file of answers; null for none.</param>
    private sealed record Pass(string Name, bool WithAdapter, string? Output)
    {
        /// <summary>The file, on rank 0, until it is complete.</summary>
        public AnswersFile? File { get; set; }

        /// <summary>Rows answered before.</summary>
        public int Done { get; set; }

        /// <summary>The lines without a file.</summary>
        public List<string> Lines { get; } = [];

        public void Save(IReadOnlyList<byte[]> lines)
        {
            if (File is not null) File.Append(lines);
            else Lines.AddRange(lines.Select(line => System.Text.Encoding.UTF8.GetString(line)));
        }
    }
}
