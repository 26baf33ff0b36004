using System.CommandLine;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Gemma;
using Lapidary.Gemma.Configuration;
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

    public static Command Create(Terminal terminal)
    {
        var config = ConfigFile();
        var resume = new Option<string?>("--resume")
        {
            HelpName = "latest|DIR",
            Description = "Go on from a checkpoint: the newest of the output folder, or a folder.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var overwrite = new Option<bool>("--overwrite-output-dir") { Description = "Start anew in a folder that holds a run's checkpoints, and delete them." };
        var preview = new Option<bool>("--preview") { Description = "Show tokens and labels of the first row and stop." };
        var json = CommandBuilder.Json();
        return CommandBuilder.Create("train", "Fine-tune a model: NF4 base, LoRA adapter, the options of Google's QLoRA guide.",
                "--model gemma-3-1b-pt --tokenizer gemma-3-1b-it --dataset train.jsonl --output-dir my-adapter",
                "--model gemma-3-1b-pt --dataset gretel.parquet --template text-to-sql --select 12500 --test-size 2500 --preview",
                "--config my-adapter/run.yaml --resume")
            .With(AllSettings).With(config, resume, overwrite, preview, json)
            .Runs(parsed =>
            {
                var values = Read(AllSettings, parsed, config);
                string? from = parsed.GetResult(resume) is null ? null : parsed.GetValue(resume) ?? "latest";
                return Run(values, from, parsed.GetValue(overwrite), parsed.GetValue(preview), parsed.GetValue(json), terminal);
            });
    }

    /// <summary>--config of the commands that take a run's settings.</summary>
    internal static Option<string?> ConfigFile() => new("--config")
    {
        HelpName = "FILE",
        Description = "YAML file with the same names; options go before it. A run writes its own to run.yaml.",
    };

    /// <summary>The settings of the command line and its --config.</summary>
    internal static SettingValues Read(IReadOnlyList<Setting> settings, ParseResult parsed, Option<string?> config) =>
        new(settings, parsed, parsed.GetValue(config) is { } path ? RunFile.Read(path, settings) : null);

    private static int Run(SettingValues values, string? resume, bool overwrite, bool preview, bool json, Terminal terminal)
    {
        var config = SftSettings.Read(values);
        string folder = ModelPath.Find(values.Require(Model.Model));
        values.Require(DataSettings.DataSet);
        string? checkpoint = preview ? null : RunFolder.Checkpoint(config.OutputDir, resume, overwrite);
        var text = TextTools.TryLoad(Model, values);
        var sizes = GemmaConfig.Load(folder);
        var data = TrainingData.Load(values, config, sizes, text);
        if (preview)
        {
            data.Preview(terminal, json);
            return ExitCodes.Done;
        }

        config.Validate(hasEvaluation: data.Evaluation is not null);
        string? start = checkpoint ?? values.Get(Model.Adapter);
        var lora = start is null ? LoraSettings.Read(values, values.Require(Model.Model)) : AdapterConfigFile.Read(start);
        PlannedRun.PlanOf(Model, values, config, sizes, data, lora).RequireFit();
        if (overwrite && checkpoint is null) RunFolder.Clear(config.OutputDir);
        RunFile.Write(Path.Combine(config.OutputDir, RunFolder.ConfigName), values);

        // The settings' adapter is where a new run starts; a resumed one has its checkpoint's.
        using var session = ModelSession.Open(Model, values, trainable: true, adapterFolder: checkpoint);
        if (session.Adapter is null) session.Attach(Adapter.Create(session.Model, lora, config.Seed));
        if (checkpoint is not null) LoraSettings.RequireSame(values, session.Adapter!.Config, checkpoint);
        var people = terminal.People(json);
        TrainingBanner.Show(people, Model, values, session);
        data.Show(people);
        if (checkpoint is null) // what a new run said need not be said again
        {
            foreach (string note in TrainingBanner.Notes(values, config, session))
                people.WriteLine($"note       {note}");
        }

        var result = Train(session, config, data, checkpoint, json, terminal);
        if (values.Get(Model.Tokenizer) is { } tokenizer && !result.WasInterrupted) ModelFolder.CopyTokenizer(ModelPath.Find(tokenizer), config.OutputDir);
        if (json) JsonResult.Write(terminal.Out, result.WriteTo);
        else result.Show(people, values.Require(Model.Model));
        if (!result.WasInterrupted) return ExitCodes.Done;
        string runFile = Path.Combine(config.OutputDir, RunFolder.ConfigName);
        terminal.Error.WriteLine($"lapidary: interrupted after step {result.State.GlobalStep}; go on with: lapidary train --config {runFile} --resume");
        return ExitCodes.Interrupted;
    }

    private static TrainResult Train(ModelSession session, SftConfig config, TrainingData data, string? checkpoint, bool json, Terminal terminal)
    {
        long before = checkpoint is null ? 0 : TrainerState.Read(checkpoint).NumTokens;
        long started = TimeProvider.System.GetTimestamp();
        using var events = new TensorBoardWriter(Path.Combine(config.OutputDir, "runs"), TimeProvider.System);
        using var note = terminal.Interrupted.Register(() => terminal.Error.WriteLine("Stopping after this step; once more quits at once."));
        MemoryPlan? plan = null;
        var state = TrainingScreen.Run(terminal.Ansi(json), terminal.People(json), session.Backend.Memory, observer =>
        {
            using var trainer = new SftTrainer(
                session.Model, session.Adapter!, config, data.Train, data.Evaluation, new ObserverGroup(observer, new TensorBoardObserver(events)));
            var ended = trainer.Train(checkpoint, terminal.Interrupted);
            plan = trainer.MemoryPlan;
            return ended;
        });
        var elapsed = TimeProvider.System.GetElapsedTime(started);
        return new TrainResult(config.OutputDir, state, state.NumTokens - before, elapsed, session.Backend.Memory.PeakBytes, plan!.Predicted.TotalBytes);
    }
}
