using System.Globalization;
using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Cli.Generation;

/// <summary>generate --dataset: every row of a data set with its answer, in order, divided among the ranks.</summary>
/// <param name="run">The command.</param>
/// <param name="model">Settings of the model.</param>
/// <param name="settings">How the rows are answered.</param>
internal sealed class DatasetGeneration(CommandRun run, ModelSettings model, AnswerSettings settings)
{
    private readonly string? _output = settings.Output;

    /// <summary>Answers all rows.</summary>
    /// <returns>The command's exit code.</returns>
    public int Run()
    {
        string[] pipes = [.. run.Values.Require(DataSettings.DataSet).Where(DataSettings.IsPipe)];
        if (pipes.Length > pipes.Distinct().Count()) throw run.Wrong("--dataset: a pipe can be read once; name each data set once.");
        if (settings.Resume && _output is null) throw run.Wrong("--resume goes on with a file: give it with --output.");
        if (_output is not null)
        {
            run.RequireFile("--output", _output);
            AnswersFile.RequirePlace(_output);
        }

        using var team = RankTeam.Join(run, exchanges: false);
        if (pipes.Length > 0 && team.Launcher is not null)
            throw run.Wrong("--dataset: each of the launcher's processes would read the pipe; save its rows in a file, and give its name.");
        return team.Run(() => Run(team));
    }

    private int Run(RankTeam team)
    {
        var folders = ModelFolders.Find(run, model);
        var text = TextTools.TryLoad(model, run.Values, folders);
        var sources = NamedData.Find(run);
        var config = GemmaConfig.Load(folders.Model);
        IReadOnlyList<RowQuestion> questions = [.. RowQuestion.Read(sources, text, config).Select(InWordsOfTheTool)];
        if (questions.Count == 0) throw new LapidaryException($"{sources[0].Name}: expected at least one row, found none.");
        if (questions.All(question => question.PromptIds is null))
        {
            throw new ToolException(
                questions.Count == 1 ? $"{questions[0].Error!.TrimEnd('.')}; there is no other row to answer."
                    : $"{questions[0].Error!.TrimEnd('.')}; none of the {questions.Count} rows can be answered.");
        }

        if (_output is not null && settings.Resume && CompleteAnswers.Exist(_output)) return EndAtOnce(_output, questions);
        if (questions.SelectMany(question => question.Record.Columns.Keys).FirstOrDefault(Answer.Replaces) is { } column)
            run.Note($"rows have a column {column}, which the answer replaces; the data set keeps it.");
        var chosen = settings.Options(folders.Model, text);
        if (questions.Count(question => IsCut(question, chosen, config)) is > 0 and var cut)
        {
            run.Note($"{cut} of {Amount.Of(questions.Count, "prompt")} {(cut == 1 ? "leaves" : "leave")} less than --max-new-tokens "
                + $"{chosen.MaxNewTokens} in the model's context of {config.MaxPositionEmbeddings} tokens: answers to them may be cut.");
        }

        folders.FetchWeights(run, _output is null ? null : run.People);
        using var file = _output is not null && team.IsLeader
            ? AnswersFile.Open(
                _output, settings.Resume,
                AnswerIdentity.Of(run, model, folders.Model, folders.Adapter, questions, chosen, settings.Stops, settings.Schema))
            : null;
        int done = int.Parse(team.FromLeader($"{file?.Rows ?? 0}")!, CultureInfo.InvariantCulture);
        if (done > questions.Count)
            throw new LapidaryException($"{_output}: has answers to {Amount.Of(done, "row")}, the data set has {questions.Count}.");
        var answering = new RowAnswering(run, questions, chosen, settings.Stops, settings.BatchSize, text);
        int end = done == questions.Count ? done : team.RunEach(rank => AnswerShare(rank, folders, answering, done, file));
        if (end < questions.Count)
        {
            file?.Keep();
            if (_output is not null && team.IsLeader)
            {
                run.Terminal.Error.WriteLine(
                    $"lapidary: interrupted after {end} of {Amount.Of(questions.Count, "row")}; go on with --resume.");
            }

            return ExitCodes.Interrupted;
        }

        file?.Complete();
        return Report(questions);
    }

    /// <summary>A complete file has answers to the same rows. It does not say by which options.</summary>
    private int EndAtOnce(string output, IReadOnlyList<RowQuestion> questions)
    {
        int failed = CompleteAnswers.FailedRows(output), rows = File.ReadLines(output).Count();
        if (rows != questions.Count)
        {
            throw new LapidaryException($"{output}: is complete with answers to {Amount.Of(rows, "row")}, the data set has "
                + $"{questions.Count}; give the data set that it was made of, or choose another output.");
        }

        CompleteAnswers.RequireRows(output, questions);
        if (run.Terminal.IsLeader) CompleteAnswers.DeleteLeftovers(output);
        run.Note($"{output} is complete; nothing is left to do. For answers by other options, give another --output.");
        return failed == 0 ? ExitCodes.Done : ExitCodes.Error;
    }

    /// <summary>Answers one rank's share; rank 0 also writes all answers.</summary>
    /// <returns>Number of rows answered by all ranks.</returns>
    private int AnswerShare(LocalRank rank, ModelFolders folders, RowAnswering answering, int done, AnswersFile? file)
    {
        using var session = ModelSession.Open(run, model, folders, rank.CreateBackend(model.Computing(run.Values)), isShown: rank.IsLeader);
        if (rank.IsLeader)
            foreach (string note in session.Notes) run.Note(note);
        return answering.Share(session.Model, rank.Group, done, what: "", isShown: file is not null, Save);

        void Save(IReadOnlyList<byte[]> lines)
        {
            if (file is not null) file.Append(lines);
            else foreach (byte[] line in lines) run.Terminal.Out.Write(Encoding.UTF8.GetString(line));
        }
    }

    private RowQuestion InWordsOfTheTool(RowQuestion question) =>
        question.Error is { } error ? question with { Error = run.Line(error) } : question;

    private static bool IsCut(RowQuestion question, GenerationOptions chosen, GemmaConfig config) =>
        question.PromptIds is { } prompt && ContextRoom.After(config, prompt.Length) < chosen.MaxNewTokens;

    private int Report(IReadOnlyList<RowQuestion> questions)
    {
        string[] errors = [.. questions.Select(question => question.Error).OfType<string>()];
        if (run.Terminal.IsLeader)
            foreach (string error in errors) run.Terminal.Error.WriteLine($"lapidary: {error}");
        if (_output is not null)
        {
            run.PrintSummary(
                json =>
                {
                    json.WriteString("output", _output);
                    json.WriteNumber("rows", questions.Count);
                    json.WriteNumber("failed", errors.Length);
                },
                people => people.WriteLine(
                    $"answered   {questions.Count - errors.Length} of {Amount.Of(questions.Count, "row")} in {_output}"));
        }

        return errors.Length == 0 ? ExitCodes.Done : ExitCodes.Error;
    }
}
