using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Data;

/// <summary>data: makes, looks into and prepares data sets.</summary>
internal static class DataCommand
{
    public const string Summary = "Make text-to-SQL rows, look into a data set, or prepare one: synth, inspect, prepare.";

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("data", Summary,
                "synth --rows 10000 --output sql.jsonl", "inspect sql.jsonl --row 1",
                "prepare --dataset sql.jsonl --output prepared")
            .Takes(SynthCommand.Create(terminal), InspectCommand.Create(terminal), PrepareCommand.Create(terminal))
            .Runs(terminal, ShowHelp);

    private static void ShowHelp(CommandRun run) => throw run.Wrong("expected one of the commands synth, inspect and prepare.");
}
