using System.CommandLine;
using Lapidary.Cli.Help;

namespace Lapidary.Cli.CommandLine;

/// <summary>Converts the words after a command for its parser: underscores become hyphens, names of other tools become the command's names,
/// and of a repeated option only the last one stays, as in argparse.</summary>
/// <param name="command">The command.</param>
/// <param name="path">"lapidary train".</param>
internal sealed class CommandWords(ToolCommand command, string path)
{
    private const string Negation = "--no-";

    private readonly List<(Option? Option, string[] Words)> _parts = [];

    private readonly Dictionary<string, GivenConstant> _constants = [];

    /// <summary>Settings of other tools that change nothing, after <see cref="Resolve"/>.</summary>
    public IEnumerable<GivenConstant> Constants => _constants.Values;

    private OptionNames Names => new(command.Options.Select(OptionNames.KeyOf));

    /// <summary>The words for the parser.</summary>
    /// <exception cref="UsageException">The value of another tool's name cannot be honoured.</exception>
    public string[] Resolve(IReadOnlyList<string> typed)
    {
        var words = new Queue<string>(typed);
        while (words.TryDequeue(out string? word))
        {
            if (word == "--")
            {
                _parts.Add((null, [word, .. words]));
                break;
            }

            if (!IsName(word)) _parts.Add((null, [word]));
            else Add(word, words);
        }

        return [.. _parts.Where((part, index) => IsKept(part.Option, index)).SelectMany(part => part.Words)];
    }

    /// <summary>Whether a word is an option's name and not a negative number.</summary>
    public static bool IsName(string word) =>
        word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]) && word[1] != '.' && word != "--";

    private bool IsKept(Option? option, int index) =>
        option is null || option.Arity.MaximumNumberOfValues > 1 || _parts.FindLastIndex(part => part.Option == option) == index;

    private void Add(string word, Queue<string> rest)
    {
        int at = word.AsSpan().IndexOfAny('=', ':');
        string name = at < 0 ? word : word[..at];
        string? value = at < 0 ? null : word[(at + 1)..];
        if (name.StartsWith("--", StringComparison.Ordinal)) name = name.Replace('_', '-');
        if (command.Find(name) is { } option) Add(option, value, rest);
        else if (GuideNames.Find(KeyOf(name), IsKnown) is { } guide) Add(guide.Name, name, guide.Target, value, rest);
        else if (value is null && Negated(name) is { } flag) _parts.Add((flag, [flag.Name + "=false"]));
        else _parts.Add((null, [word]));
    }

    private void Add(Option option, string? value, Queue<string> rest)
    {
        bool isFlag = command.SettingOf(option) is { IsFlag: true };
        if (value is not null) _parts.Add((option, [$"{option.Name}={value}"]));
        else if (TakesNext(option, isFlag, rest)) _parts.Add((option, [option.Name, rest.Dequeue()]));
        else _parts.Add((option, [isFlag ? option.Name + "=true" : option.Name]));
    }

    private void Add(GuideName guide, string name, string target, string? value, Queue<string> rest)
    {
        var option = command.Find(OptionOf(target))!;
        if (guide is { Constants: null, Translate: null })
        {
            Add(option, value, rest);
            return;
        }

        if (value is null && guide.IsFlag) value = rest.TryPeek(out string? next) && SettingText.IsBool(next) ? rest.Dequeue() : "true";
        value ??= rest.TryDequeue(out string? following) ? following : throw new UsageException($"{name}: expected a value.", path);
        try
        {
            if (guide.Constants is not null) _constants[guide.Key] = new(guide, guide.ConstantOf(value));
            if (guide.Read(value) is { } text) _parts.Add((option, [$"{option.Name}={text}"]));
        }
        catch (FormatException e)
        {
            throw new UsageException($"{name}: {Names.InPlaceOfKeys(e.Message)}.", path);
        }
    }

    /// <summary>Whether the word that follows an option is its value.</summary>
    private bool TakesNext(Option option, bool isFlag, Queue<string> rest)
    {
        if (option.Arity.MaximumNumberOfValues == 0 || !rest.TryPeek(out string? next)) return false;
        if (option.Arity.MinimumNumberOfValues > 0) return !IsName(next) || !IsKnownName(next);
        if (isFlag || option.ValueType == typeof(bool))
            return SettingText.IsBool(next) || IsValueOf(option, next) || (isFlag && command.Arguments.Count == 0 && !IsName(next));
        return !IsName(next) && command.Arguments.Count == 0;
    }

    private static bool IsValueOf(Option option, string word) =>
        ValueWords.Of(option.HelpName).Contains(word, StringComparer.OrdinalIgnoreCase);

    private bool IsKnownName(string word)
    {
        string name = word.Split('=', ':')[0].Replace('_', '-');
        return command.Find(name) is not null || GuideNames.Find(KeyOf(name), IsKnown) is not null || Negated(name) is not null;
    }

    /// <summary>The flag that "--no-flag" sets to false.</summary>
    private Option? Negated(string name) =>
        name.StartsWith(Negation, StringComparison.Ordinal) && command.Find("--" + name[Negation.Length..]) is { } option
            && command.SettingOf(option) is { IsFlag: true } ? option : null;

    private bool IsKnown(string key) => command.Find(OptionOf(key)) is not null;

    private static string OptionOf(string key) => "--" + key.Replace('_', '-');

    /// <summary>The key of "--max-seq-length", or of "-r".</summary>
    private static string KeyOf(string name) =>
        name.StartsWith("--", StringComparison.Ordinal) || name.Length == 2 ? name.TrimStart('-').Replace('-', '_') : name;
}
