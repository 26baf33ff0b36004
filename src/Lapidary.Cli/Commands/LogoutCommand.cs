using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>logout: deletes the saved token.</summary>
internal static class LogoutCommand
{
    public const string Summary = "Forget the token that login saved.";

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("logout", Summary, "")
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        bool had = HubLogin.Logout(HubTransfer.OptionsOf(run));
        run.PrintSummary(
            json => json.WriteBoolean("logged_out", had),
            people => people.WriteLine(had ? "logged out" : "nobody was logged in"));
    }
}
