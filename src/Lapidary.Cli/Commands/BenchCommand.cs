using System.CommandLine;
using System.CommandLine.Completions;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Lapidary.Cli.Bench;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>bench: speed and memory of random models of real size, one JSON line per case.</summary>
internal static class BenchCommand
{
    public const string Summary = "Measure speed and memory with random models of real size.";

    private static readonly ModelSettings Model = new(QuantizationKind.Nf4);

    private static readonly IReadOnlyList<Setting> AllSettings =
    [
        .. BenchSettings.All, LoraSettings.R, Model.Quantization, Model.DoubleQuant, Model.DType, DeviceSettings.Device,
        DeviceSettings.Threads, RankSettings.DdpTimeout,
    ];

    private static readonly Argument<string[]> Cases = new("CASE")
    {
        Arity = ArgumentArity.ZeroOrMore,
        Description = "What to measure, one after the other:\n"
            + string.Join('\n', BenchCase.All.Select(bench => $"{bench.Name}: {bench.Meaning}")),
        CompletionSources = { _ => BenchCase.All.Select(bench => new CompletionItem(bench.Name)) },
    };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("bench", Summary,
                "guide1b lora1b big1b",
                "guide1b --device cuda:0,1",
                "270m full270m --threads 2",
                "--size 4b --batch 2 --length 2048 --gradient-checkpointing true --steps 5")
            .Takes(AllSettings)
            .Takes(Cases)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        BenchCase[] chosen = [.. Choose(run).Select(bench => BenchSettings.Apply(run.Values, bench))];
        if (Array.Find(chosen, bench => bench.IsFull) is { } full) RefuseLora(run, full);
        foreach (var bench in chosen)
        {
            if (bench.Obstacle is { } obstacle) throw run.Wrong(obstacle);
            if (bench is { Texts: > 0, NewTokens: 0 } && run.Values.IsGiven(BenchSettings.NewTokens))
                throw run.Wrong($"{bench.Name} measures answers: expected --max-new-tokens of at least 1, found 0; leave it out.");
            if (BenchSettings.WithoutEffect(run.Values, bench).FirstOrDefault() is { } idle)
            {
                throw run.Wrong(bench.NewTokens == 0
                    ? $"{bench.Name} decodes nothing: expected no --{idle.Name}; leave it out, or choose decode1b, decode4b or answers1b."
                    : $"--{idle.Name} has no effect on the likeliest token; give --temperature too.");
            }
        }

        using var team = RankTeam.Join(run, exchanges: true);
        if (team.WorldSize > 1 && chosen.FirstOrDefault(bench => bench.NewTokens > 0) is { } decoding)
            throw run.Wrong($"{decoding.Name} decodes, which is measured on one device; choose another case, or --device cuda:0.");
        return team.Run(() =>
        {
            bool failed = false;
            foreach (var bench in chosen) failed |= !TryMeasure(bench, run, team);
            return failed ? ExitCodes.Error : ExitCodes.Done;
        });
    }

    private static void RefuseLora(CommandRun run, BenchCase full)
    {
        var values = run.Values;
        var refused = BenchSettings.OfLora.Append(Model.DoubleQuant).FirstOrDefault(values.IsGiven)
            ?? (values.IsGiven(Model.Quantization) && values.Get(Model.Quantization) != QuantizationKind.None ? Model.Quantization : null);
        if (refused is not null)
            throw run.Wrong($"{full.Name} trains all weights: expected no --{refused.Name}; leave it out, or measure other cases with it.");
    }

    private static IReadOnlyList<BenchCase> Choose(CommandRun run)
    {
        string[] names = run.Get(Cases) ?? [];
        if (names.Length > 0) return [.. names.Select(name => BenchCase.Find(name, run.Values.Command))];
        return run.Values.Get(BenchSettings.Size) is { } size
            ? [new BenchCase("custom", "") { Size = size }]
            : throw run.Wrong($"expected a case ({string.Join(", ", BenchCase.All.Select(bench => bench.Name))}) or --size.");
    }

    /// <summary>A case that does not fit into memory does not prevent the others.</summary>
    private static bool TryMeasure(BenchCase bench, CommandRun run, RankTeam team)
    {
        try
        {
            Measure(bench, run, team);
            return true;
        }
        catch (LapidaryException e) when (team.WorldSize == 1)
        {
            run.Terminal.Error.WriteLine($"lapidary: {bench.Name}: {run.Line(e)}");
            return false;
        }
    }

    private static void Measure(BenchCase bench, CommandRun run, RankTeam team)
    {
        var (values, terminal) = (run.Values, run.Terminal);
        var lora = LoraSettings.Read(values, bench.Size);

        // Fails before a random model of real size fills the memory.
        if (bench.NewTokens == 0)
        {
            var (config, adapter) = (TrainingBench.Config(bench), TrainingBench.Lora(bench, lora));
            PlannedRun.PlanOf(Model, values, team, config, bench.Config, null, adapter).RequireFit();
        }

        Action<Utf8JsonWriter>? figures = null;
        string device = "", computesIn = "";
        TrainingFigures? alone = null;
        if (team.IsLeader)
        {
            using var backend = team.First.CreateBackend(Model.Computing(values));
            if (DeviceSettings.NoteOn(backend) is { } slow) run.Note(slow);
            if (backend is CpuBackend && Model.NoteOnCpu(values) is { } note) run.Note(note);
            (device, computesIn) = (backend.Description, $"{backend.ActivationDType}".ToLowerInvariant());
            long started = Stopwatch.GetTimestamp();
            using var model = Create(backend);
            terminal.Error.WriteLine(
                $"{bench.Name}: {bench.Size} on {device}, made in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
            if (bench.Texts > 0) figures = AnswersBench.Run(bench, model, terminal);
            else if (bench.NewTokens > 0) figures = DecodeBench.Run(bench, model, terminal);
            else figures = (alone = TrainingBench.Run(bench, model, lora, terminal)).WriteTo;
        }

        var scaled = team.WorldSize > 1 ? ScalingBench.Run(bench, team, Model.Computing(values), lora, alone, Create, terminal) : null;
        if (!team.IsLeader) return;
        JsonResult.Write(terminal.Out, json =>
        {
            json.WriteString("case", bench.Name);
            json.WriteString("device", device);
            json.WriteString("computes_in", computesIn);
            json.WriteString("size", bench.Size);
            json.WriteString("quantization", SettingText.Format(Options(bench, values).Quantization));
            figures?.Invoke(json);
            scaled?.WriteTo(json);
            WriteMachine(json, team.First.Gpu is not null);
        });

        GemmaModel Create(IBackend backend)
        {
            using var work = new WorkScreen(terminal, json: true);
            return GemmaModel.Random(bench.Config, backend, Options(bench, values) with { Progress = work }, seed: 1);
        }
    }

    private static ModelOptions Options(BenchCase bench, SettingValues values) => bench.IsFull
        ? Model.Options(values) with { Quantization = QuantizationKind.None, LoadOnUse = true }
        : Model.Options(values);

    private static void WriteMachine(Utf8JsonWriter json, bool isGpu)
    {
        using var process = Process.GetCurrentProcess();
        json.WriteNumber("resident_peak_bytes", process.PeakWorkingSet64);
        if (isGpu)
        {
            json.WriteStartObject("libraries");
            foreach (var library in CudaLibraries.Find()) json.WriteString(library.Library.ToString(), library.Version.ToString());
            json.WriteEndObject();
        }

        var version = typeof(BenchCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        json.WriteString("lapidary", version?.InformationalVersion);
    }
}
