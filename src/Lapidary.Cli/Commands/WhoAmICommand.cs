using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>whoami: shows the owner of the active token.</summary>
internal static class WhoAmICommand
{
    public const string Summary = "Show whose token of the Hub is in use.";

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("whoami", Summary, "", "--json")
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    /// <summary>"name, of organization a and b (token "laptop", write)".</summary>
    public static string Line(HubUser user)
    {
        string of = user.Organizations.Count == 0 ? "" : $", of {string.Join(", ", user.Organizations)}";
        string[] token = [.. new[] { user.TokenName is { } name ? $"\"{name}\"" : null, user.Role }.OfType<string>()];
        return PlainText.OneLine($"{user.Name}{of}{(token.Length == 0 ? "" : $" (token {string.Join(", ", token)})")}");
    }

    private static void Run(CommandRun run)
    {
        using var client = new HubClient(HubTransfer.OptionsOf(run));
        var user = client.WhoAmIAsync().GetAwaiter().GetResult();
        run.Print(
            json =>
            {
                json.WriteString("name", user.Name);
                json.WriteStartArray("organizations");
                foreach (string name in user.Organizations) json.WriteStringValue(name);
                json.WriteEndArray();
                json.WriteString("token", user.TokenName);
                json.WriteString("role", user.Role);
            },
            text =>
            {
                text.WriteLine(Line(user));
                if (client.Options.Token is { } token) text.WriteLine($"token from {token.Source}, for {client.Options.Endpoint.Host}");
            });
    }
}
