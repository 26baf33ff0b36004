using System.CommandLine;
using Lapidary.Cli.Doctor;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Commands;

/// <summary>doctor: what this machine is and what it can do.</summary>
internal static class DoctorCommand
{
    public static Command Create(Terminal terminal)
    {
        var json = CommandBuilder.Json();
        return CommandBuilder.Create("doctor", "Show what this machine can do, and what to install.", "", "--json").With(json).Runs(parsed =>
        {
            var report = DoctorReport.OfThisMachine();
            if (parsed.GetValue(json)) JsonResult.Write(terminal.Out, report.WriteTo);
            else report.WriteText(terminal.Out);
            return ExitCodes.Done;
        });
    }
}
