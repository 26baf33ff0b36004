using Lapidary.Cli.Cards;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Scaling;
using Lapidary.Cli.Serving;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Weights;

namespace Lapidary.Cli.Commands;

/// <summary>plan: the resources of a training run, or of answers, for any device, from config.json or a published size alone.</summary>
internal static class PlanCommand
{
    public const string Summary = "Show the memory and the largest batch of a training run, or of serve, without weights or rows.";

    private static readonly ModelSettings Model = TrainCommand.Model;

    private static readonly Setting<string?> Size = ModelSettings.Size("A published size, in place of --model; rows are full then.");

    private static readonly Setting<long?> Memory = new(
        "memory", "SIZE", "Free memory to plan for, of which a run takes 95 %: 24GiB; what is free on the device where not given.", null,
        ParseMemory);

    private static readonly Setting<Use> For = new(
        "for", "train|serve",
        "What to plan: a training run; or a model's answers, as serve, generate and eval make them. For them, --max-length counts a prompt "
        + "with its answer and is the model's context if not given, and --quantization is none if not given.", Use.Train,
        text => (Use)SettingText.Enumeration(typeof(Use), text));

    private enum Use
    {
        Train,
        Serve,
    }

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("plan", Summary,
                "--size 1b --device cuda --memory 24GiB",
                "--gpu t4",
                "--gpu rtx-4060 --size 1b --modules-to-save none",
                "--size 270m --method full --device cuda --memory 8GiB",
                "--model gemma-3-4b-pt --max-length 1024 --per-device-train-batch-size 8 --modules-to-save none --json",
                "--config my-adapter/run.yaml --gradient-checkpointing true",
                "--for serve --size 1b --device cuda --memory 24GiB --max-batch 16 --max-length 8192",
                "--for serve --model google/gemma-3-1b-pt --adapter my-adapter --adapter-count 3",
                "--size 1b --device cuda --memory 76GiB --world-size 16 --link 400G --step-ms 35")
            .Takes(For, Size, Memory, CardSettings.Gpu, ServeSettings.MaxBatch, PlannedAdapters.Number)
            .Takes(ScalingSettings.All)
            .Takes(TrainCommand.AllSettings)
            .Takes(ToolCommand.Config, ToolCommand.Json)
            .Requires(Size, Model.Model, Model.Adapter, CardSettings.Gpu)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var values = run.Values;
        var card = CardOf(run);
        if (values.Get(For) == Use.Serve)
        {
            PlanServing(run, card);
            return;
        }

        foreach (var setting in new Setting[] { ServeSettings.MaxBatch, PlannedAdapters.Number })
        {
            if (values.IsTyped(setting))
                throw run.Wrong($"--{setting.Name} is an option of answers; give --for serve beside it, or leave it out.");
        }

        if (!IsOfAModel(values))
        {
            ShowCards(run, card);
            return;
        }

        MethodSettings.Apply(run, Model, trains: false);
        string? size = values.Get(Size);
        if (size is not null) RefuseFiles(run);
        var folders = size is null ? ModelFolders.Find(run, Model) : null;
        var sizes = folders is null ? GemmaConfig.Preset(size!) : BaseHead.ConfigOf(folders.Model);
        MethodSettings.RequirePlain(values, values.Get(Model.Model) ?? size!, sizes);
        int worldSize = values.Get(ScalingSettings.WorldSize);
        var config = SftSettings.ForRanks(SftSettings.Read(values), values, worldSize, resumed: null);
        var data = values.IsGiven(DataSettings.DataSet)
            ? TrainingData.Load(run, config, sizes, TextTools.TryLoad(Model, values, folders!))
            : null;
        config.Validate(hasEvaluation: data is null || data.Evaluation is not null); // which shows only with the rows
        var lora = MethodSettings.IsFull(values) ? null
            : (folders is null ? values.Get(Model.Adapter) : folders.Adapter) is { } adapter
            ? LoraSettings.ReadSaved(values, adapter, sizes)
            : LoraSettings.Read(values, values.Get(Model.Model) ?? size!);
        var planned = PlannedRun.Create(Model, values, worldSize, config, sizes, data, lora, values.Get(Memory), card);
        var scaling = ScalingSettings.IsAskedFor(run) ? ScalingPlan.Create(run, planned, config, sizes, data) : null;
        run.Print(
            json =>
            {
                planned.WriteTo(json);
                scaling?.WriteTo(json);
            },
            text =>
            {
                text.WriteLine($"model      {values.Get(Model.Model) ?? size}: {sizes.NumHiddenLayers} layers, stored as {sizes.Dtype}");
                planned.Show(text, run.Line);
                scaling?.Show(text);
            });
        if (planned.Gpu is null && Model.NoteOnCpu(values) is { } ofCpu) run.Note(ofCpu);
        foreach (string note in scaling?.Notes() ?? []) run.Note(note);
    }

    private static void PlanServing(CommandRun run, GpuCard? card)
    {
        var values = run.Values;
        PlannedServing.RefuseOthers(
            run, For, Size, Memory, CardSettings.Gpu, Model.Model, Model.Adapter, Model.Quantization, Model.DoubleQuant,
            Model.DType);
        if (values.Get(CardSettings.Gpu) == CardSettings.List)
        {
            ShowCards(run, card);
            return;
        }

        string? size = values.Get(Size);
        string? adapter = values.IsTyped(Model.Adapter) ? values.Get(Model.Adapter) : null; // of a file, it is what a run began with
        if (size is null && adapter is null && !values.IsGiven(Model.Model))
            throw run.Wrong($"--for serve plans one model: expected --size or --model beside --{CardSettings.Gpu.Name}; give --size 1b.");
        if (size is not null) RefuseFiles(run);
        var folders = size is null ? ModelFolders.Find(run, Model, adapter) : null;
        var sizes = folders is null ? GemmaConfig.Preset(size!) : BaseHead.ConfigOf(folders.Model);
        string model = values.Get(Model.Model) ?? size!;
        var adapters = PlannedAdapters.Read(values, folders is null ? adapter : folders.Adapter, model, sizes);
        var planned = PlannedServing.Create(run, Model, sizes, adapters, values.Get(Memory), card);
        run.Print(
            planned.WriteTo,
            text =>
            {
                text.WriteLine($"model      {model}: {sizes.NumHiddenLayers} layers, stored as {sizes.Dtype}");
                planned.Show(text);
            });
    }

    /// <summary>The card that is planned for; null for a device, or if all cards are shown.</summary>
    private static GpuCard? CardOf(CommandRun run)
    {
        if (!run.Values.IsGiven(CardSettings.Gpu)) return null;
        // A run's file has the device of all runs, and a card on the command line goes before that of any file.
        if (run.Values.IsTyped(DeviceSettings.Device)
            || (run.Values.IsChosen(DeviceSettings.Device) && !run.Values.IsTyped(CardSettings.Gpu)))
            throw run.Wrong("--gpu plans for a kind of card: expected no --device; leave out one of them.");
        if (run.Values.Get(CardSettings.Gpu) == CardSettings.List && IsOfAModel(run.Values))
            throw run.Wrong($"--gpu {CardSettings.List} shows cards: expected no model; give --gpu t4 to plan for one.");
        var card = CardSettings.Card(run.Values);
        if (card?.WhyUnsupported is { } reason) throw new LapidaryException(CardSettings.Another(reason));
        if (card?.WhySlow is { } slow) run.Note(slow);
        if (card is not null && run.Values.Get(Memory) is { } memory && memory > card.MemoryBytes)
        {
            run.Note($"--{Memory.Name} {ByteSize.Format(memory)} is more than the {ByteSize.Format(card.MemoryBytes)} of {card.FullName}; "
                + "the plan is for the given number.");
        }

        return card;
    }

    private static bool IsOfAModel(SettingValues values) =>
        values.IsGiven(Size) || values.IsGiven(Model.Model) || values.IsGiven(Model.Adapter);

    private static void ShowCards(CommandRun run, GpuCard? card)
    {
        if (card is null)
        {
            run.Print(
                json =>
                {
                    json.WriteStartArray("gpus");
                    foreach (var known in GpuCards.All) json.WriteStringValue(known.Name);
                    json.WriteEndArray();
                },
                text =>
                {
                    foreach (string line in CardTable.Lines()) text.WriteLine(line);
                });
            return;
        }

        var table = CardTable.Of(card, Model.Computing(run.Values), run.Values.Get(Memory));
        run.Print(table.WriteTo, table.Show);
    }

    private static void RefuseFiles(CommandRun run)
    {
        foreach (var setting in new Setting[] { Model.Model, DataSettings.DataSet })
        {
            if (run.Values.IsGiven(setting))
            {
                throw run.Wrong($"--size plans without files: expected no --{setting.Name}; "
                    + "give --model instead of --size to plan with files.");
            }
        }
    }

    private static long? ParseMemory(string text) =>
        SettingText.Size(text) is >= 1 << 20 and var bytes ? bytes : throw SettingText.Expected("1MiB or more, such as 24GiB", text);
}
