using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Help;

namespace Lapidary.Cli.Completion;

/// <summary>The possible words at a shell's cursor.</summary>
internal static class Suggestions
{
    /// <summary>Stands for file names, which the shell completes better.</summary>
    public const string Files = ":files";

    private const string Begin = "[suggest";

    /// <summary>Whether a word asks for suggestions: "[suggest:24]".</summary>
    public static bool IsAskedFor(string word) => word.StartsWith(Begin, StringComparison.Ordinal) && word.EndsWith(']');

    /// <summary>The words for a command line.</summary>
    /// <param name="directive">"[suggest:24]", with the cursor's position in the line; without a number, the end of the line.</param>
    /// <param name="line">The line, with the tool's name.</param>
    /// <param name="commands">Names of the tool's commands and options.</param>
    /// <param name="build">Builds the command of a name; null if it does not exist.</param>
    public static IEnumerable<string> Of(
        string directive, string line, IEnumerable<string> commands, Func<string, ToolCommand?> build)
    {
        string number = directive[Begin.Length..].Trim(':', ']');
        if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int end) && end < line.Length) line = line[..end];
        string[] words = [.. CommandLineParser.SplitCommandLine(line)];
        string current = words.Length == 0 || char.IsWhiteSpace(line[^1]) ? "" : words[^1];
        string[] before = [.. words.Take(current.Length == 0 ? words.Length : words.Length - 1).Skip(1)];
        var found = before.Length == 0 ? commands : build(before[0]) is { } command ? Of(command, [.. before.Skip(1)], current) : [];
        return found.Where(word => word == Files || word.StartsWith(current, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Of(ToolCommand command, string[] before, string current)
    {
        while (before.Length > 0 && command.Subcommands.FirstOrDefault(Named(before[0])) is ToolCommand below)
            (command, before) = (below, [.. before.Skip(1)]);
        int equals = current.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && command.Find(Canonical(current[..equals])) is { } assigned)
            return ValuesOf(assigned).Where(word => word != Files).Select(word => current[..(equals + 1)] + word);
        var option = before.Length > 0 && CommandWords.IsName(before[^1]) ? command.Find(Canonical(before[^1])) : null;
        if (option is { Arity.MinimumNumberOfValues: > 0 }) return ValuesOf(option);
        IEnumerable<string> words = option is { Arity.MaximumNumberOfValues: > 0 } ? ValuesOf(option) : [];
        if (!current.StartsWith('-'))
        {
            words = words.Concat(command.Subcommands.Select(sub => sub.Name));
            foreach (var argument in command.Arguments)
            {
                words = words.Concat(argument.GetCompletions(CompletionContext.Empty).Select(item => item.Label));
                if (ValueWords.IsPath(argument.Name)) words = words.Append(Files);
            }
        }

        return words.Concat(command.Options
            .Where(other => !other.Hidden && (other.Arity.MaximumNumberOfValues > 1 || !before.Contains(other.Name)))
            .Select(other => other.Name)).Distinct();
    }

    private static Func<Command, bool> Named(string name) => command => command.Name == name;

    private static string Canonical(string name) => name.StartsWith("--", StringComparison.Ordinal) ? name.Replace('_', '-') : name;

    private static IEnumerable<string> ValuesOf(Option option)
    {
        var words = option.GetCompletions(CompletionContext.Empty).Select(item => item.Label);
        return ValueWords.IsPath(option.HelpName) ? words.Append(Files) : words;
    }
}
