using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;
using Lapidary.Training;

namespace Lapidary.Cli.Commands;

/// <summary>train: QLoRA fine-tuning with the guide's options.</summary>
internal static class TrainCommand
{
    internal static readonly ModelSettings Model = new(QuantizationKind.Nf4);

    internal static readonly IReadOnlyList<Setting> AllSettings =
    [
        .. Model.All, DataSettings.DataSet, DataSettings.EvalDataSet, DataSettings.TestSize, DataSettings.Select, .. DataSettings.Columns,
        .. SftSettings.All, .. LoraSettings.All,
    ];

    private static readonly Option<string?> Resume = new("--resume")
    {
        HelpName = "latest|DIR",
        Description = "Go on from a checkpoint: the newest of the output folder, or a folder.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Overwrite =
        new("--overwrite-output-dir") { Description = "Start anew in a folder that holds a run's checkpoints, and delete them." };

    private static readonly Option<bool> Preview =
        new("--preview") { Description = "Show tokens and labels of the first row and stop." };

    public static Command Create(Terminal terminal) =>
        new ToolCommand("train", "Fine-tune a model: NF4 base, LoRA adapter, the options of Google's QLoRA guide.",
                "--model gemma-3-1b-pt --tokenizer gemma-3-1b-it --dataset train.jsonl --output-dir my-adapter",
                "--model gemma-3-1b-pt --dataset gretel.parquet --template text-to-sql --select 12500 --test-size 2500 --preview",
                "--config my-adapter/run.yaml --resume")
            .Takes(AllSettings)
            .Takes(ToolCommand.Config, Resume, Overwrite, Preview, ToolCommand.Json)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        var values = run.Values;
        var config = SftSettings.Read(values);
        string folder = Model.Folder(values);
        values.Require(DataSettings.DataSet);
        bool isPreview = run.Get(Preview);
        string? checkpoint = isPreview ? null : RunFolder.Checkpoint(config.OutputDir, ResumeFrom(run), run.Get(Overwrite));
        var text = TextTools.TryLoad(Model, values);
        var sizes = GemmaConfig.Load(folder);
        var data = TrainingData.Load(values, config, sizes, text);
        if (isPreview)
        {
            data.Preview(run);
            return ExitCodes.Done;
        }

        config.Validate(hasEvaluation: data.Evaluation is not null);
        string? start = checkpoint ?? values.Get(Model.Adapter);
        var lora = start is null ? LoraSettings.Read(values, values.Require(Model.Model)) : AdapterConfigFile.Read(start);
        PlannedRun.PlanOf(Model, values, config, sizes, data, lora).RequireFit();
        if (run.Get(Overwrite) && checkpoint is null) RunFolder.Clear(config.OutputDir);
        string runFile = Path.Combine(config.OutputDir, RunFolder.ConfigName);
        RunFile.Write(runFile, values);

        // The settings' adapter is where a new run starts; a resumed one has its checkpoint's.
        using var session = ModelSession.Open(Model, values, trainable: true, adapterFolder: checkpoint);
        if (session.Adapter is null) session.Attach(Adapter.Create(session.Model, lora, config.Seed));
        if (checkpoint is not null) LoraSettings.RequireSame(values, session.Adapter!.Config, checkpoint);
        Announce(run, session, config, data, isNew: checkpoint is null);
        var result = Train(run, session, config, data, checkpoint);
        var next = result.WasInterrupted ? [] : NextSteps.Write(values.Require(Model.Model), config.OutputDir, data.FirstRow);
        run.Print(result.WriteTo, output => result.Show(output, next));
        if (!result.WasInterrupted) return ExitCodes.Done;
        run.Terminal.Error.WriteLine(
            $"lapidary: interrupted after step {result.State.GlobalStep}; go on with: "
            + $"lapidary train --config {ShellText.Quote(runFile)} --resume");
        return ExitCodes.Interrupted;
    }

    private static void Announce(CommandRun run, ModelSession session, SftConfig config, TrainingData data, bool isNew)
    {
        TrainingBanner.Show(run, Model, session);
        data.Show(run);
        if (!isNew) return; // what a new run said need not be said again
        foreach (string note in TrainingBanner.Notes(run.Values, config, session)) run.People.WriteLine($"note       {note}");
    }

    /// <summary>A checkpoint's folder, "latest" where --resume stands alone, null without it.</summary>
    private static string? ResumeFrom(CommandRun run) => run.IsGiven(Resume) ? run.Get(Resume) ?? RunFolder.Latest : null;

    private static TrainResult Train(CommandRun run, ModelSession session, SftConfig config, TrainingData data, string? checkpoint)
    {
        var (memory, error) = (session.Backend.Memory, run.Terminal.Error);
        long before = checkpoint is null ? 0 : TrainerState.Read(checkpoint).NumTokens;
        long started = TimeProvider.System.GetTimestamp();
        using var events = new TensorBoardObserver(Path.Combine(config.OutputDir, "runs"));
        using var note = run.Interrupted.Register(() => error.WriteLine("Stopping after this step; once more quits at once."));
        MemoryPlan? plan = null;
        var state = TrainingScreen.Show(run, memory, observer =>
        {
            var observers = new ObserverGroup(observer, events);
            using var trainer = new SftTrainer(session.Model, session.Adapter!, config, data.Train, data.Evaluation, observers)
            {
                Encoder = data.Encoder,
            };
            var ended = trainer.Train(checkpoint, run.Interrupted);
            plan = trainer.MemoryPlan;
            return ended;
        });
        var elapsed = TimeProvider.System.GetElapsedTime(started);
        return new TrainResult(config.OutputDir, state, state.NumTokens - before, elapsed, memory.PeakBytes, plan!.Predicted.TotalBytes);
    }
}
