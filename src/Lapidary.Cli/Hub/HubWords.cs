using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Options that the commands of the Hub share.</summary>
internal static class HubWords
{
    public static readonly Setting<RepoType> RepoKind = new(
        "repo-type", "model|dataset|space", "What the repository holds.", RepoType.Model,
        text => (RepoType)SettingText.Enumeration(typeof(RepoType), text));

    public static readonly Setting<string?> Revision =
        Setting.Text("revision", "NAME", "Branch, tag or commit; main where not given.");

    public static readonly Option<string[]> Include = Patterns(
        "--include", "Only files like this: * stands for any text, also with /, ? for a character. May be given several times.");

    public static readonly Option<string[]> Exclude = Patterns("--exclude", "No files like this, of those included.");

    /// <summary>The repository of a command, and its revision; null for main.</summary>
    /// <param name="run">The command.</param>
    /// <param name="text">"owner/name" or "owner/name@revision".</param>
    /// <exception cref="UsageException">Two revisions are given.</exception>
    /// <exception cref="Formats.LapidaryException">It is not an id.</exception>
    public static HubReference Reference(CommandRun run, string text)
    {
        var type = run.Values.Get(RepoKind);
        string? revision = run.Values.Get(Revision);
        if (!HubReference.TryParse(text, type, out var reference)) return new HubReference(new HubRepo(text, type), revision);
        if (revision is not null && reference.Revision is { } other && other != revision)
            throw run.Wrong($"expected one revision, found {other} behind the id and --revision {revision}.");
        return reference with { Revision = revision ?? reference.Revision };
    }

    /// <summary>The error with a suggestion: an id means a model unless another type is requested.</summary>
    public static Exception Explain(CommandRun run, HubException error) =>
        error.Error == HubError.RepositoryNotFound && !run.Values.IsGiven(RepoKind)
            ? new ToolException($"{run.Line(error)} If it is a data set: --repo-type dataset.", error)
            : error;

    private static Option<string[]> Patterns(string name, string help) =>
        new(name) { HelpName = "PATTERN", Description = help, Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = false };
}
