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
        if (before is ["help", .. var asked]) return Below(asked, commands, build).Where(StartsLike(current));
        if (before.Length == 0) return commands.Where(StartsLike(current));
        return build(before[0]) is { } command ? Of(command, [.. before.Skip(1)], current) : [];
    }

    /// <summary>The commands that may follow those after "help".</summary>
    private static IEnumerable<string> Below(string[] asked, IEnumerable<string> commands, Func<string, ToolCommand?> build) => asked switch
    {
        [] => commands.Where(name => !name.StartsWith('-')),
        [var name] => build(name)?.Subcommands.Select(sub => sub.Name) ?? [],
        _ => [],
    };

    private static IEnumerable<string> Of(ToolCommand command, string[] before, string current)
    {
        while (before.Length > 0 && command.Subcommands.FirstOrDefault(Named(before[0])) is ToolCommand below)
            (command, before) = (below, [.. before.Skip(1)]);
        int equals = current.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && ValuesOf(command, current[..equals]) is { } assigned)
        {
            string head = current[..(equals + 1)];
            return assigned.Words.Select(word => word == Files ? word : head + word).Where(StartsLike(current));
        }

        var values = before.Length > 0 && CommandWords.IsName(before[^1]) ? ValuesOf(command, before[^1]) : null;
        if (values is { IsRequired: true }) return values.Value.Words.Where(StartsLike(current));
        IEnumerable<string> words = values?.Words ?? [];
        if (!current.StartsWith('-')) words = words.Concat(WordsOf(command));
        string[] found = [.. words.Where(StartsLike(current)), .. NamesOf(command, before, current)];
        return found.Distinct();
    }

    /// <summary>Subcommands and arguments.</summary>
    private static IEnumerable<string> WordsOf(ToolCommand command)
    {
        var words = command.Subcommands.Select(sub => sub.Name);
        foreach (var argument in command.Arguments)
        {
            words = words.Concat(argument.GetCompletions(CompletionContext.Empty).Select(item => item.Label));
            if (ValueWords.IsPath(argument.Name)) words = words.Append(Files);
        }

        return words;
    }

    /// <summary>The options that begin like a word, in its spelling: with hyphens or underscores. The names of other tools are offered
    /// where nothing else fits.</summary>
    private static IEnumerable<string> NamesOf(ToolCommand command, string[] before, string current)
    {
        var own = command.Options
            .Where(option => !option.Hidden && (option.Arity.MaximumNumberOfValues > 1 || !before.Contains(option.Name)))
            .Select(option => option.Name);
        if (current.StartsWith("--", StringComparison.Ordinal) && current.Length > 2) own = own.Concat(command.ShortNames);
        var starts = StartsLike(Canonical(current));
        string[] names = [.. own.Where(starts)];
        if (current.StartsWith("--no", StringComparison.Ordinal)) names = [.. names, .. command.Negations.Where(starts)];
        if (names.Length == 0 && current.StartsWith('-')) names = [.. command.OtherNames.Where(starts)];
        bool isSnake = current.Contains('_', StringComparison.Ordinal);
        return names.Select(name => isSnake ? "--" + name[2..].Replace('-', '_') : name);
    }

    private static Func<string, bool> StartsLike(string current) =>
        word => word == Files || word.StartsWith(current, StringComparison.Ordinal);

    private static Func<Command, bool> Named(string name) => command => command.Name == name;

    private static string Canonical(string name) => name.StartsWith("--", StringComparison.Ordinal) ? name.Replace('_', '-') : name;

    /// <summary>The values that may follow a name, and whether one must; null if the name is unknown or takes none.</summary>
    private static (IEnumerable<string> Words, bool IsRequired)? ValuesOf(ToolCommand command, string typed)
    {
        string name = Canonical(typed);
        var option = command.Find(name);
        if (option is null && command.FindOther(name) is { } other)
        {
            if (other.Name.Constants is { } constants) return (constants, IsRequired: !other.Name.IsFlag);
            option = command.Find("--" + other.Target.Replace('_', '-'));
        }

        if (option is null or { Arity.MaximumNumberOfValues: 0 }) return null;
        var words = option.GetCompletions(CompletionContext.Empty).Select(item => item.Label);
        return (ValueWords.IsPath(option.HelpName) ? words.Append(Files) : words, option.Arity.MinimumNumberOfValues > 0);
    }
}
