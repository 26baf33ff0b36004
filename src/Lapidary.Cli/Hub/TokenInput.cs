using Lapidary.Cli.CommandLine;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Reads a token from a hidden prompt or from standard input. A token is never accepted on the command line, where other users,
/// the shell's history and logs would have it.</summary>
internal static class TokenInput
{
    private const string Page = "/settings/tokens";

    /// <summary>The error for a token on the command line; the message does not repeat it.</summary>
    public static ToolException Refused() => new(
        "a token on the command line is refused, as the shell's history and other users would have it; nothing was saved. Give it at the "
        + "prompt of 'lapidary login', or on standard input: lapidary login < FILE.");

    /// <summary>Reads it.</summary>
    /// <param name="run">The command.</param>
    /// <param name="options">Options of the Hub that needs the token.</param>
    /// <param name="fromInput">Whether to read standard input even if a prompt is possible.</param>
    /// <exception cref="ToolException">No token is given.</exception>
    public static HubToken Read(CommandRun run, HubOptions options, bool fromInput)
    {
        string page = options.Endpoint.GetLeftPart(UriPartial.Authority) + Page;
        var (text, source) = run.Terminal.Ask is { } ask && !fromInput
            ? (ask($"A token of {page} (it is not shown): ", true), "the prompt")
            : (run.Terminal.In.ReadToEnd(), "standard input");
        text = text.Trim();
        if (text.Length == 0) throw new ToolException($"expected a token from {source}, found none; {page} has them.");
        if (text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            throw new ToolException($"expected one token from {source}, found several words; copy it again from {page}.");
        return new HubToken(text, source);
    }
}
