using System.Text.Json;
using Lapidary.Cli.Cards;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Training;

namespace Lapidary.Cli.Serving;

/// <summary>The memory of a model that generates answers, as serve, generate and eval set it up, before a weight is read.</summary>
/// <param name="Device">The planned device.</param>
/// <param name="Texts">Answers at a time.</param>
/// <param name="Length">Most tokens of a prompt and its answer.</param>
/// <param name="Memory">The predicted memory.</param>
internal sealed record PlannedServing(string Device, int Texts, int Length, MemoryUse Memory)
{
    private const string Name = "--for serve";

    /// <summary>Adapters beside the base.</summary>
    public required PlannedAdapters Adapters { get; init; }

    /// <summary>Keys and values of an answer.</summary>
    public required long TextBytes { get; init; }

    /// <summary>Whether weights in 16 bits stay in the mapped file, which the system keeps in memory that is free.</summary>
    public required bool IsMapped { get; init; }

    /// <summary>Memory that may be used.</summary>
    public required long BudgetBytes { get; init; }

    /// <summary>Whether so many answers run at a time.</summary>
    public required bool Fits { get; init; }

    /// <summary>Most answers of this length at a time; 0 if not one fits.</summary>
    public required int LargestBatch { get; init; }

    /// <summary>Most tokens for this number of answers; 0 if not one fits.</summary>
    public required int LargestLength { get; init; }

    /// <summary>Plans.</summary>
    /// <param name="run">The command.</param>
    /// <param name="settings">Settings of the model. The base is held as stored unless the command line says otherwise, as in
    /// serve.</param>
    /// <param name="sizes">config.json.</param>
    /// <param name="adapters">The adapters that are served beside the base.</param>
    /// <param name="freeBytes">Memory to plan for; null for the device's free memory.</param>
    /// <param name="card">The card, in place of the device in the settings; null for that.</param>
    /// <exception cref="UsageException">The length is beyond the model's context, or the device is not here and no memory is
    /// given.</exception>
    public static PlannedServing Create(
        CommandRun run, ModelSettings settings, GemmaConfig sizes, PlannedAdapters adapters, long? freeBytes, GpuCard? card)
    {
        var values = run.Values;
        int context = sizes.MaxPositionEmbeddings, length = LengthOf(run) is > 0 and var given ? given : context;
        if (length > context)
        {
            throw run.Wrong(
                $"--{ServeSettings.MaxLength.Name} {length}: expected at most the model's context of {context}; give a smaller one, or 0 "
                + "for the context.");
        }

        var computing = settings.Computing(values);
        var gpus = card is null ? DeviceSettings.GpusToPlan(values) : [0];
        using var counter = card?.CreateCounter(computing) ?? DeviceSettings.CreateCounter(gpus, values, computing);
        long free = freeBytes ?? card?.FreeBytes ?? DeviceSettings.FreeBytesToPlan(gpus, values);
        using var model = GemmaModel.Skeleton(sizes, counter, Options(values, settings));
        using var served = adapters.Over(model);
        var memory = new GenerationMemory(served.Engines, free, MemoryPlanner.UsableBytes(free));
        int largest = memory.MostTexts(length);
        int texts = values.Get(ServeSettings.MaxBatch) is > 0 and var most ? most : Math.Clamp(largest, 1, counter.EfficientTexts);
        return new(counter.Description, texts, length, memory.Of(texts, length))
        {
            Adapters = adapters,
            TextBytes = memory.TextBytes(length),
            IsMapped = gpus.Count == 0,
            BudgetBytes = memory.BudgetBytes,
            Fits = memory.Fits(texts, length),
            LargestBatch = largest,
            LargestLength = memory.LongestText(texts),
        };
    }

    /// <summary>Refuses options of training on the command line. Those of a file may be a run's.</summary>
    /// <param name="run">The command.</param>
    /// <param name="known">Options that have a meaning.</param>
    /// <exception cref="UsageException">There is one.</exception>
    public static void RefuseOthers(CommandRun run, params IReadOnlyList<Setting> known)
    {
        Setting[] all =
        [
            .. known, .. PlannedAdapters.Settings(run.Values), ServeSettings.MaxBatch, ServeSettings.MaxLength, DeviceSettings.Device,
            DeviceSettings.Threads,
        ];
        string[] names = [.. all.Select(setting => setting.Name)];
        if (run.Values.All.FirstOrDefault(each => run.Values.IsTyped(each) && !names.Contains(each.Name)) is { } other)
        {
            throw run.Wrong(
                $"{Name} plans answers of a model: expected no --{other.Name}; leave it out, or leave out {Name} to plan training.");
        }
    }

    /// <summary>Shows the plan to people.</summary>
    public void Show(TextWriter people)
    {
        people.WriteLine($"device     {Device}");
        people.WriteLine($"answers    {Texts} at a time, each of up to {Length:N0} tokens with its prompt");
        Adapters.Show(people);
        people.WriteLine($"memory     {ByteSize.Format(Memory.TotalBytes)} of {ByteSize.Format(BudgetBytes)} that can be taken: "
            + (Fits ? "fits" : Memory.TotalBytes <= BudgetBytes ? "does not fit, because keys and values take at most half of what the "
                + "weights leave" : "does not fit"));
        foreach (var owner in Memory.Owners) people.WriteLine($"           {ByteSize.Format(Memory[owner]),10}  {Describe(owner)}");
        people.WriteLine(LargestBatch > 0
            ? $"largest    --{ServeSettings.MaxBatch.Name} {LargestBatch} for answers of up to {Length:N0} tokens"
            : $"largest    not one answer of up to {Length:N0} tokens fits");
        people.WriteLine(LargestLength > 0
            ? $"           --{ServeSettings.MaxLength.Name} {LargestLength} for {Amount.Of(Texts, "answer")} at a time"
            : $"           no length fits {Amount.Of(Texts, "answer")} at a time");
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("device", Device);
        json.WriteBoolean("fits", Fits);
        json.WriteNumber("budget_bytes", BudgetBytes);
        json.WriteNumber("predicted_bytes", Memory.TotalBytes);
        json.WriteStartObject("parts");
        foreach (var owner in Memory.Owners) json.WriteNumber(SettingText.Snake(owner.ToString()), Memory[owner]);
        json.WriteEndObject();
        json.WriteNumber("max_batch", Texts);
        json.WriteNumber("max_length", Length);
        json.WriteNumber("answer_bytes", TextBytes);
        json.WriteNumber("adapters", Adapters.Count);
        json.WriteNumber("largest_max_batch", LargestBatch);
        json.WriteNumber("largest_max_length", LargestLength);
    }

    /// <summary>plan shares the option with training, whose default is another one.</summary>
    private static int LengthOf(CommandRun run) => run.Values.All.First(setting => setting.Name == ServeSettings.MaxLength.Name) is var own
        && run.Values.IsTyped(own) ? (int)run.Values.Get(own)! : 0;

    private static ModelOptions Options(SettingValues values, ModelSettings settings)
    {
        var options = settings.Options(values);
        return values.IsTyped(settings.Quantization) ? options : options with { Quantization = QuantizationKind.None };
    }

    private string Describe(MemoryOwner owner) => owner switch
    {
        MemoryOwner.Base => IsMapped ? "base: weights, without those in 16 bits, which stay in the mapped file" : "base: weights",
        MemoryOwner.Parameters => "adapters: their matrices",
        MemoryOwner.KvCache => $"keys and values, {ByteSize.Format(TextBytes)} an answer",
        MemoryOwner.Activations => "activations and logits of a step",
        MemoryOwner.Workspace => "workspace: scratch of operations",
        MemoryOwner.DecodedWeights => "decoded weights, kept between prompts, at most",
        _ => SettingText.Snake(owner.ToString()),
    };
}
