using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Weights;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Manifests;

namespace Lapidary.Cli.Commands;

/// <summary>train: fine-tuning with QLoRA and the guide's options, or of all weights.</summary>
internal static class TrainCommand
{
    public const string Summary = "Fine-tune a model: with QLoRA and the options of Google's guide, or all weights.";

    internal static readonly ModelSettings Model = new(QuantizationKind.Nf4);

    internal static readonly IReadOnlyList<Setting> AllSettings =
    [
        .. Model.All, MethodSettings.Method, DataSettings.DataSet, DataSettings.Mix, DataSettings.Stopping, DataSettings.EvalDataSet,
        DataSettings.TestSize, DataSettings.Select, .. DataSettings.Columns, DataSettings.Cache, .. SftSettings.All, .. LoraSettings.All,
        .. HubSettings.All, RankSettings.DdpTimeout,
    ];

    /// <summary>For users who restart a run whenever it ends early, without knowing whether it has saved anything.</summary>
    private const string AutoResume = "auto";

    private static readonly Option<string?> Resume = new("--resume")
    {
        HelpName = "latest|auto|DIR",
        Description = "Go on from a checkpoint: the newest one in the output folder, or that of a folder. "
            + "auto starts a new run where there is none.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Preview = new("--preview")
    {
        HelpName = "all",
        Description = "Show tokens and labels of the first row and stop. all shows every token, also those amid a long text.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("train", Summary,
                "--model gemma-3-1b-pt --tokenizer gemma-3-1b-it --dataset train.jsonl --output-dir my-adapter",
                "--config gemma-3-1b-text-to-sql --preview",
                "--method full --model gemma-3-270m --dataset train.jsonl",
                "--config my-adapter/run.yaml --resume")
            .Takes(AllSettings)
            .Takes(ToolCommand.Config, Resume, Preview, ToolCommand.Json)
            .Requires(Model.Model, Model.Adapter)
            .Requires(DataSettings.DataSet)
            .HintsAtMissing(SettingsOfTheRun)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        var values = run.Values;
        MethodSettings.Apply(run, Model, isNew: ResumeFrom(run) is null);
        var config = SftSettings.Read(values);
        config.Validate(hasEvaluation: true); // which shows only with the rows
        _ = HubSettings.Read(values);
        var folders = ModelFolders.Find(run, Model, withAdapter: ResumeFrom(run) is null);
        if (IsPreview(run) is { } isAll)
        {
            TrainingData.Load(run, config, BaseHead.ConfigOf(folders.Model), TextTools.TryLoad(Model, values, folders)).Preview(run, isAll);
            return ExitCodes.Done;
        }

        using var team = RankTeam.Join(run, exchanges: true);
        return team.Run(() => Run(run, team, config, folders));
    }

    private static int Run(CommandRun run, RankTeam team, SftConfig asked, ModelFolders folders)
    {
        var values = run.Values;
        using var output = team.IsLeader
            ? RunFolder.Open(
                asked, ResumeFrom(run), values.Get(MethodSettings.Method), note => run.People.WriteLine(run.Line(note)), folders.Model)
            : null;
        string? checkpoint = team.FromLeader(output?.Checkpoint);
        var config = SftSettings.ForRanks(asked, values, team.WorldSize, RowsPerStepOf(checkpoint));
        var text = TextTools.TryLoad(Model, values, folders, checkpoint);
        var sizes = BaseHead.ConfigOf(folders.Model);
        MethodSettings.RequirePlain(values, values.Require(Model.Model), sizes);
        var data = TrainingData.Load(run, config, sizes, text);
        config.Validate(hasEvaluation: data.Evaluation is not null);
        var expected = checkpoint is null ? RepeatedJob.Check(run, Model, data) : null;
        var lora = Lora(values, folders, checkpoint, sizes);
        PlannedRun.PlanOf(Model, values, team, config, sizes, data, lora).RequireFit();
        using var push = team.IsLeader ? RunPush.Start(run, config, isResumed: checkpoint is not null) : null;
        folders.FetchWeights(run, run.People);
        if (BaseHead.ConfigOf(folders.Model) is var loaded && loaded.TieWordEmbeddings != sizes.TieWordEmbeddings)
            PlannedRun.PlanOf(Model, values, team, config, loaded, data, lora).RequireFit();
        var result = team.RunEach(
            rank => TrainRank(run, rank, team.Launcher, folders, config, data, lora, output, push, checkpoint, expected));
        if (!result.WasInterrupted)
        {
            if (output is null) return ExitCodes.Done;
            var next = NextSteps.Write(
                lora is null ? null : values.Require(Model.Model),
                lora is not null && values.Get(Model.Quantization) == QuantizationKind.Nf4, config.OutputDir, data.Sample,
                data.IsChat == true, MetricRows.ForEval(values, config, data), push?.PushedId);
            run.PrintSummary(result.WriteTo, people => result.Show(people, next, isAskedOfTrained: data.Evaluated is null));
            if (push?.Publisher.Failure is { } failure) run.Terminal.Error.WriteLine($"lapidary: {PlainText.OneLine(failure)}");
            return ExitCodes.Done;
        }

        if (output is not null)
        {
            run.PrintSummary(result.WriteTo, people => result.Show(people, next: [], isAskedOfTrained: false));
            run.Terminal.Error.WriteLine(
                $"lapidary: interrupted after step {result.State.GlobalStep}; {HowToGoOn(values, config, output)}");
        }

        return ExitCodes.Interrupted;
    }

    /// <summary>Whether to show only the data, and then whether to show all of its tokens.</summary>
    private static bool? IsPreview(CommandRun run) => !run.IsGiven(Preview) ? null : run.Get(Preview) switch
    {
        null or "true" => false,
        "false" => null,
        "all" => true,
        var other => throw run.Wrong($"--preview: expected all or nothing, found {other}."),
    };

    /// <summary>Loads and trains one rank of the run.</summary>
    private static TrainResult TrainRank(
        CommandRun run, LocalRank rank, string? launcher, ModelFolders folders, SftConfig config, TrainingData data, LoraConfig? lora,
        RunFolder? output, RunPush? push, string? checkpoint, RecordedHashes? expected)
    {
        // The adapter in the settings is the start of a new run; a resumed run gets the values of its checkpoint.
        bool isNew = checkpoint is null;
        using var session = ModelSession.Open(
            run, Model, folders, rank.CreateBackend(Model.Computing(run.Values)), trainable: true, withAdapter: isNew, lora?.LoraDropout,
            isShown: rank.IsLeader);
        if (session.Trained is null)
            session.Attach(lora is null ? FullWeights.Create(session.Model) : Adapter.Create(session.Model, lora, config.Seed));
        using var communicator = Communicator.Create(rank.Group, session.Backend);
        var devices = RankDevices.Gather(rank, communicator, session.Backend);
        if (rank.IsLeader) Announce(run, session, config, data, devices, launcher, isNew);
        return Train(
            run, session, config, data, communicator, rank.IsLeader ? output : null, rank.IsLeader ? push : null, checkpoint, expected);
    }

    private static int? RowsPerStepOf(string? checkpoint) =>
        checkpoint is null || RunState.Read(checkpoint).Identity is not { } identity ? null : identity.GlobalBatchSize;

    private static string HowToGoOn(SettingValues values, SftConfig config, RunFolder output) => output.LastCheckpoint is null
        ? "nothing has been saved yet"
        : (values.Require(DataSettings.DataSet).Any(DataSettings.IsPipe) ? "with the same rows on standard input " : "")
        + $"go on with: lapidary train --config {ShellText.Quote(Path.Combine(config.OutputDir, RunSettings.FileName))} --resume";

    /// <summary>The adapter to train: a new one, a given one, or the checkpoint's with the current options, which are then compared; null
    /// if all weights are trained.</summary>
    private static LoraConfig? Lora(SettingValues values, ModelFolders folders, string? checkpoint, GemmaConfig sizes)
    {
        if (MethodSettings.IsFull(values)) return null;
        if (checkpoint is not null) return LoraSettings.Over(AdapterConfigFile.Read(checkpoint), values);
        return folders.Adapter is { } start
            ? LoraSettings.ReadSaved(values, start, sizes)
            : LoraSettings.Read(values, values.Require(Model.Model));
    }

    private static void Announce(
        CommandRun run, ModelSession session, SftConfig config, TrainingData data, RankDevices devices, string? launcher, bool isNew)
    {
        TrainingBanner.Show(run, Model, session);
        devices.Show(run, config, launcher);
        data.Show(run);
        // A resumed run does not repeat the messages of a new run.
        bool couldUseMore = devices.Places.Count == 1 && launcher is null && DeviceSettings.IsAuto(run.Values);
        var notes = isNew
            ? TrainingBanner.Notes(
                run.Values, Model, config, session, data, devices.Places.Count, couldUseMore ? DeviceSettings.UsableGpus() : [])
            : OptionNotes.OfAResumedRun(run.Values, Model).Concat(session.DeviceNotes);
        foreach (string note in notes) run.People.WriteLine($"note       {run.Line(note)}");
    }

    /// <summary>If the user resumes without naming model and data, the message names the file with all of the run's settings.</summary>
    private static string? SettingsOfTheRun(CommandRun run)
    {
        if (ResumeFrom(run) is not { } from) return null;
        string? parent = from == SftTrainer.LatestCheckpoint
            ? SftSettings.Read(run.Values).OutputDir
            : Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(from));
        string file = Path.Combine(parent ?? "", RunSettings.FileName);
        if (!File.Exists(file)) return null;
        string resume = from == SftTrainer.LatestCheckpoint ? "--resume" : $"--resume {ShellText.Quote(from)}";
        return $"go on with the run's settings: lapidary train --config {ShellText.Quote(file)} {resume}";
    }

    /// <summary>A checkpoint's folder, "latest" for a bare --resume, null without it or if auto finds nothing.</summary>
    private static string? ResumeFrom(CommandRun run)
    {
        if (!run.IsGiven(Resume)) return null;
        return run.Get(Resume) switch
        {
            null or "true" => SftTrainer.LatestCheckpoint,
            AutoResume => new CheckpointStore(SftSettings.Read(run.Values).OutputDir, limit: 0).Latest is null
                ? null
                : SftTrainer.LatestCheckpoint,
            var folder => folder,
        };
    }

    private static TrainResult Train(
        CommandRun run, ModelSession session, SftConfig config, TrainingData data, ICommunicator communicator, RunFolder? output,
        RunPush? push, string? checkpoint, RecordedHashes? expected)
    {
        var (memory, error, isLeader) = (session.Backend.Memory, run.Terminal.Error, communicator.Ranks.IsLeader);
        long before = isLeader && checkpoint is not null ? TrainerState.Read(checkpoint).NumTokens : 0;
        long started = TimeProvider.System.GetTimestamp();
        using var note = run.Interrupted.Register(() =>
        {
            if (isLeader) error.WriteLine("Stopping after this step; once more quits at once.");
        });
        MemoryPlan? plan = null;
        bool isComplete = false;
        TrainerState Run(ITrainingObserver? observer)
        {
            using var trainer = new SftTrainer(
                session.Model, session.Trained!, config, data.Train, data.Evaluation, observer, communicator: communicator)
            {
                Encoder = data.Encoder,
                IsChat = data.IsChat,
                Metric = data.Metric,
                Publisher = push?.Publisher,
                Expected = expected,
                DataSets = [.. run.Values.Get(DataSettings.DataSet).Select(name => DataSetName.Parse(name).Path)],
                Settings = RunRecord.Of(
                    run.Values, config, communicator.Ranks.WorldSize, Model, session.Adapter?.Config, data.Evaluation is not null,
                    data.Recorded),
            };
            using var graceful = run.EndsGracefully();
            using var work = isLeader && data.Metric is not null ? new WorkScreen(run.Terminal, run.IsJson) : null;
            if (work is not null) data.Metric!.Progress = work;
            var ended = trainer.Train(output, run.Interrupted);
            (plan, isComplete) = (trainer.MemoryPlan, trainer.IsComplete);
            return ended;
        }

        var state = isLeader ? TrainingScreen.Show(run, memory, Run) : Run(observer: null);
        var elapsed = TimeProvider.System.GetElapsedTime(started) - (push?.Publisher.TimeWaited ?? TimeSpan.Zero);
        return new TrainResult(
            config.OutputDir, state, isComplete, state.NumTokens - before, elapsed, memory.PeakBytes, plan!.Predicted.TotalBytes)
        {
            Push = push,
        };
    }
}
