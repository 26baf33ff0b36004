using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Lapidary.Cli.Bench;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>bench: speed and memory of random models of real size, one JSON line per case.</summary>
internal static class BenchCommand
{
    private static readonly ModelSettings Model = new(QuantizationKind.Nf4);

    private static readonly IReadOnlyList<Setting> AllSettings =
    [
        .. BenchSettings.All, LoraSettings.R, Model.Quantization, Model.DoubleQuant, Model.DType, DeviceSettings.Device,
        DeviceSettings.Threads,
    ];

    private static readonly Argument<string[]> Cases = new("CASE")
    {
        Arity = ArgumentArity.ZeroOrMore,
        Description = "What to measure, one after the other:\n"
            + string.Join('\n', BenchCase.All.Select(bench => $"{bench.Name}: {bench.Meaning}")),
    };

    public static Command Create(Terminal terminal) =>
        new ToolCommand("bench", "Measure speed and memory with random models of real size: one JSON line per case.",
                "guide1b lora1b big1b",
                "270m --threads 2",
                "--size 4b --batch 2 --length 2048 --gradient-checkpointing true --steps 5")
            .Takes(AllSettings)
            .Takes(Cases)
            .Runs(terminal, Run);

    private static int Run(CommandRun run)
    {
        BenchCase[] chosen = [.. Choose(run).Select(bench => BenchSettings.Apply(run.Values, bench))];
        bool failed = false;
        foreach (var bench in chosen) failed |= !TryMeasure(bench, run);
        return failed ? ExitCodes.Error : ExitCodes.Done;
    }

    private static IReadOnlyList<BenchCase> Choose(CommandRun run)
    {
        string[] names = run.Get(Cases) ?? [];
        if (names.FirstOrDefault(name => name.StartsWith('-')) is { } option) throw run.UnknownWord(option);
        if (names.Length > 0) return [.. names.Select(name => BenchCase.Find(name, run.Values.Command))];
        return run.Values.Get(BenchSettings.Size) is { } size
            ? [new BenchCase("custom", "") { Size = size }]
            : throw run.Wrong($"expected a case ({string.Join(", ", BenchCase.All.Select(bench => bench.Name))}) or --size.");
    }

    /// <summary>One case that does not fit into memory does not keep the others from being measured.</summary>
    private static bool TryMeasure(BenchCase bench, CommandRun run)
    {
        try
        {
            Measure(bench, run);
            return true;
        }
        catch (LapidaryException e)
        {
            run.Terminal.Error.WriteLine($"lapidary: {bench.Name}: {run.Line(e)}");
            return false;
        }
    }

    private static void Measure(BenchCase bench, CommandRun run)
    {
        var (values, terminal) = (run.Values, run.Terminal);
        var lora = LoraSettings.Read(values, bench.Size);

        // Before a random model of real size fills the memory.
        if (bench.NewTokens == 0)
        {
            var (config, adapter) = (TrainingBench.Config(bench), TrainingBench.Lora(bench, lora));
            PlannedRun.PlanOf(Model, values, config, bench.Config, data: null, adapter).RequireFit();
        }

        using var backend = DeviceSettings.CreateBackend(values);
        long started = Stopwatch.GetTimestamp();
        using var model = GemmaModel.Random(bench.Config, backend, Model.Options(values), seed: 1);
        terminal.Error.WriteLine(
            $"{bench.Name}: {bench.Size} on {backend.Description}, made in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
        var figures = bench.NewTokens > 0
            ? DecodeBench.Run(bench, model, terminal)
            : TrainingBench.Run(bench, model, lora, terminal);
        JsonResult.Write(terminal.Out, json =>
        {
            json.WriteString("case", bench.Name);
            json.WriteString("device", backend.Description);
            json.WriteString("size", bench.Size);
            json.WriteString("quantization", SettingText.Format(values.Get(Model.Quantization)));
            figures(json);
            WriteMachine(json, backend);
        });
    }

    private static void WriteMachine(Utf8JsonWriter json, IBackend backend)
    {
        using var process = Process.GetCurrentProcess();
        json.WriteNumber("resident_peak_bytes", process.PeakWorkingSet64);
        if (backend is CudaBackend)
        {
            json.WriteStartObject("libraries");
            foreach (var library in CudaLibraries.Find()) json.WriteString(library.Library.ToString(), library.Version.ToString());
            json.WriteEndObject();
        }

        var version = typeof(BenchCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        json.WriteString("lapidary", version?.InformationalVersion);
    }
}
