using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>login: saves a Hub token after the Hub has confirmed its owner.</summary>
internal static class LoginCommand
{
    public const string Summary = "Log in to the Hugging Face Hub and save the token for this and Python's tools.";

    private const string StandardInput = "-";

    private static readonly Option<string?> Token = new("--token")
    {
        HelpName = "-",
        Description = "- reads the token from standard input, as a pipe does by itself. A token in its place is refused.",
    };

    // A token as an argument is refused with the same words, which do not repeat it.
    private static readonly Argument<string[]> Words = new("WORD") { Arity = ArgumentArity.ZeroOrMore, Hidden = true };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("login", Summary,
                "", "--token -")
            .Takes(Token)
            .Takes(Words)
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        if (run.Get(Words) is { Length: > 0 } || run.Get(Token) is not (null or StandardInput)) throw TokenInput.Refused();
        var options = HubTransfer.OptionsOf(run);
        var token = TokenInput.Read(run, options, fromInput: run.Get(Token) == StandardInput);
        var user = HubLogin.LoginAsync(options, token).GetAwaiter().GetResult();
        run.PrintSummary(json => json.WriteString("name", user.Name), people => people.WriteLine($"logged in  {WhoAmICommand.Line(user)}"));
    }
}
