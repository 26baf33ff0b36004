using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Doctor;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Commands;

/// <summary>doctor: describes this machine and its abilities.</summary>
internal static class DoctorCommand
{
    public const string Summary = "Show what this machine can do, and what to install.";

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("doctor", Summary, "", "--json")
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var report = DoctorReport.OfThisMachine();
        run.Print(report.WriteTo, report.WriteText);
    }
}
