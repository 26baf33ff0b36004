using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Lapidary.Cli.Bench;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
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
        .. BenchSettings.All, LoraSettings.R, Model.Quantization, Model.DoubleQuant, Model.DType, Model.Device, Model.Threads,
    ];

    public static Command Create(Terminal terminal)
    {
        var cases = new Argument<string[]>("CASE")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "What to measure, one after the other:\n" + string.Join('\n', BenchCase.All.Select(bench => $"{bench.Name}: {bench.Meaning}")),
        };
        var command = CommandBuilder.Create("bench", "Measure speed and memory with random models of real size: one JSON line per case.",
                "guide1b lora1b big1b",
                "270m --threads 2",
                "--size 4b --batch 2 --length 2048 --gradient-checkpointing true --steps 5")
            .With(AllSettings)
            .Runs(parsed =>
            {
                var values = new SettingValues(AllSettings, parsed);
                BenchCase[] chosen = [.. Choose(parsed.GetValue(cases) ?? [], values, parsed).Select(bench => BenchSettings.Apply(values, bench))];
                bool failed = false;
                foreach (var bench in chosen) failed |= !TryRun(bench, values, terminal);
                return failed ? ExitCodes.Error : ExitCodes.Done;
            });
        command.Arguments.Add(cases);
        return command;
    }

    private static IEnumerable<BenchCase> Choose(string[] names, SettingValues values, ParseResult parsed)
    {
        if (names.FirstOrDefault(name => name.StartsWith('-')) is { } option) throw Usage.UnknownWord(parsed, option);
        if (names.Length > 0) return [.. names.Select(name => BenchCase.Find(name, values.Command))];
        return values.Get(BenchSettings.Size) is { } size
            ? [new BenchCase("custom", "") { Size = size }]
            : throw new UsageException($"expected a case ({string.Join(", ", BenchCase.All.Select(bench => bench.Name))}) or --size.", values.Command);
    }

    /// <summary>One case that does not fit into memory does not keep the others from being measured.</summary>
    private static bool TryRun(BenchCase bench, SettingValues values, Terminal terminal)
    {
        try
        {
            Run(bench, values, terminal);
            return true;
        }
        catch (LapidaryException e)
        {
            terminal.Error.WriteLine($"lapidary: {bench.Name}: {PlainText.OneLine(e.Message)}");
            return false;
        }
    }

    private static void Run(BenchCase bench, SettingValues values, Terminal terminal)
    {
        var lora = LoraSettings.Read(values, bench.Size);

        // Before a random model of real size fills the memory.
        if (bench.NewTokens == 0)
            PlannedRun.PlanOf(Model, values, TrainingBench.Config(bench), bench.Config, data: null, TrainingBench.Lora(bench, lora)).RequireFit();
        using var backend = Model.CreateBackend(values);
        long started = Stopwatch.GetTimestamp();
        using var model = GemmaModel.Random(bench.Config, backend, Model.Options(values), seed: 1);
        terminal.Error.WriteLine(
            $"{bench.Name}: {bench.Size} on {backend.Description}, made in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
        var figures = bench.NewTokens > 0 ? DecodeBench.Run(bench, model, terminal) : TrainingBench.Run(bench, model, lora, terminal);
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

        json.WriteString("lapidary", typeof(BenchCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
    }
}
