using System.Globalization;
using System.Security.Cryptography;
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
    /// <summary>Rows that each of several ranks answers between two exchanges, as a multiple of the rows that it answers at a time: the
    /// last rows of an exchange leave the device partly idle.</summary>
    private const int BatchesPerExchange = 8;

    private readonly string? _output = settings.Output;

    /// <summary>Answers all rows.</summary>
    /// <returns>The command's exit code.</returns>
    public int Run()
    {
        if (run.Values.Require(DataSettings.DataSet).Any(DataSettings.IsPipe))
            throw run.Wrong("--dataset: generate cannot read rows from a pipe; save them in a file, and give its name.");
        if (settings.Resume && _output is null) throw run.Wrong("--resume goes on with a file: give it with --output.");
        if (Directory.Exists(_output)) throw run.Wrong($"--output: {_output} is a folder; name a file in it.");
        if (_output is not null && settings.Resume && AnswersFile.IsComplete(_output))
        {
            int failed = AnswersFile.FailedRows(_output);
            run.Note($"{_output} is complete; nothing is left to do.");
            return failed == 0 ? ExitCodes.Done : ExitCodes.Error;
        }

        using var team = RankTeam.Join(run, exchanges: false);
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
        if (questions.SelectMany(question => question.Record.Columns.Keys).FirstOrDefault(Answer.Replaces) is { } column)
            run.Note($"rows have a column {column}, which the answer replaces; the data set keeps it.");
        var chosen = settings.Options(folders.Model, text);
        if (questions.Count(question => IsCut(question, chosen, config)) is > 0 and var cut)
        {
            run.Note($"{cut} of {questions.Count} prompts leave less than --max-new-tokens {chosen.MaxNewTokens} in the model's context of "
                + $"{config.MaxPositionEmbeddings} tokens: answers to them may be cut.");
        }

        folders.FetchWeights(run, _output is null ? null : run.People);
        using var file = _output is not null && team.IsLeader
            ? AnswersFile.Open(_output, settings.Resume, Identity(questions, folders, chosen))
            : null;
        int done = int.Parse(team.FromLeader($"{file?.Rows ?? 0}")!, CultureInfo.InvariantCulture);
        if (done > questions.Count)
            throw new LapidaryException($"{_output}: has answers to {done} rows, the data set has {questions.Count}.");
        int end = done == questions.Count ? done : team.RunEach(rank => AnswerShare(rank, folders, questions, done, chosen, text, file));
        if (end < questions.Count)
        {
            if (_output is not null && team.IsLeader)
                run.Terminal.Error.WriteLine($"lapidary: interrupted after {end} of {questions.Count} rows; go on with --resume.");
            return ExitCodes.Interrupted;
        }

        file?.Complete();
        return Report(questions);
    }

    /// <summary>Answers one rank's share; rank 0 also writes all answers.</summary>
    /// <returns>Number of rows answered by all ranks.</returns>
    private int AnswerShare(
        LocalRank rank, ModelFolders folders, IReadOnlyList<RowQuestion> questions, int done, GenerationOptions chosen, TextTools? text,
        AnswersFile? file)
    {
        using var session = ModelSession.Open(run, model, folders, rank.CreateBackend(), isShown: rank.IsLeader);
        if (rank.IsLeader)
            foreach (string note in session.Notes) run.Note(note);
        int longest = questions.Skip(done).Max(question => question.PromptIds?.Length ?? 0);
        int texts = settings.BatchSize > 0 ? settings.BatchSize : session.Backend.EfficientTexts;
        using var engine = new GenerationEngine(session.Model, Math.Min(texts, questions.Count - done))
        {
            ReservedLength = (int)Math.Min((long)longest + chosen.MaxNewTokens, session.Model.Config.MaxPositionEmbeddings),
        };
        using var graceful = run.EndsGracefully();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(run.Interrupted, rank.Group.StopRequested);
        using var tell = run.Interrupted.Register(rank.Group.RequestStop);
        using var progress = new RowProgress(questions.Count, done, run.Terminal);
        var answers = new RowAnswers(engine, questions, chosen, settings.Stops, text, progress);
        var exchange = new AnswerExchange(rank.Group);
        int world = rank.Group.WorldSize, block = world == 1 ? questions.Count : BatchesPerExchange * engine.MaxTexts * world;
        for (int first = done; first < questions.Count; first += block)
        {
            int last = Math.Min(first + block, questions.Count);
            if (world == 1)
            {
                int end = answers.Run(first, last, step: 1, Save, stop.Token);
                if (end < last) return end;
                continue;
            }

            var mine = new List<byte[]>();
            answers.Run(first + rank.Group.Rank, last, world, mine.AddRange, stop.Token);
            // Rows that a stop skipped or cut short are not written.
            if (exchange.Gather(mine, stop.IsCancellationRequested) is not { } lines) return first;
            if (rank.IsLeader) Save(lines);
        }

        return questions.Count;

        void Save(IReadOnlyList<byte[]> lines)
        {
            if (file is not null) file.Append(lines);
            else foreach (byte[] line in lines) run.Terminal.Out.Write(Encoding.UTF8.GetString(line));
            if (file is not null) progress.Show(file.Rows);
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
                people => people.WriteLine($"answered   {questions.Count - errors.Length} of {questions.Count} rows in {_output}"));
        }

        return errors.Length == 0 ? ExitCodes.Done : ExitCodes.Error;
    }

    /// <summary>Everything that the answers depend on. The sizes of the weights' files stand for the weights.</summary>
    private string Identity(IReadOnlyList<RowQuestion> questions, ModelFolders folders, GenerationOptions chosen)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var question in questions) hash.AppendData(new Answer(question.PromptIds, null, null, question.Error).Line(question));
        string rows = Convert.ToHexStringLower(hash.GetHashAndReset());
        string adapter = folders.Adapter is { } given ? Files(given) : "none";
        string files = Files(folders.Model), options = Hash(Describe(chosen));
        return $$"""{"rows":"{{rows}}","model":"{{files}}","adapter":"{{adapter}}","options":"{{options}}"}""" + "\n";
    }

    private string Describe(GenerationOptions chosen) => string.Join(' ',
        chosen, string.Join(',', chosen.StopTokenIds), string.Join('\0', settings.Stops), string.Join(',', chosen.SuppressTokens),
        string.Join(',', chosen.BeginSuppressTokens),
        run.Values.Get(model.Quantization), run.Values.Get(model.DoubleQuant), run.Values.Get(model.DType));

    private static string Files(string folder) => Hash(string.Join('\n', new DirectoryInfo(folder).EnumerateFiles("*.safetensors")
        .OrderBy(file => file.Name, StringComparer.Ordinal).Select(Identity)));

    /// <summary>A file in the Hub's cache is a link; the name of its target identifies the content.</summary>
    private static string Identity(FileInfo file) => file.LinkTarget is { } target
        ? $"{file.Name} {Path.GetFileName(target)}"
        : $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}";

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
