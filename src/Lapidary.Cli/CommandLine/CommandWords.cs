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

    /// <summary>What was typed for words that are another option's: "--fp16" for "--dtype=float16".</summary>
    private readonly Dictionary<string[], string> _typed = [];

    private readonly Dictionary<string, GivenConstant> _constants = [];

    private readonly Dictionary<string, RefusedValue> _refused = [];

    /// <summary>Settings of other tools that change nothing, after <see cref="Resolve"/>.</summary>
    public IEnumerable<GivenConstant> Constants => _constants.Values;

    /// <summary>Values that a configuration file may not give a setting, after <see cref="Resolve"/>: "--fp16 false" refuses
    /// float16.</summary>
    public IEnumerable<RefusedValue> RefusedValues => _refused.Values;

    private OptionNames Names => new(command.Options.Select(OptionNames.KeyOf));

    /// <summary>The words for the parser.</summary>
    /// <exception cref="UsageException">The value of another tool's name cannot be honoured, or words follow "--" where there can be
    /// none.</exception>
    public string[] Resolve(IReadOnlyList<string> typed)
    {
        var words = new Queue<string>(typed);
        while (words.TryDequeue(out string? word))
        {
            if (word == "--")
            {
                if (command.Arguments.Count == 0)
                    throw new UsageException($"{path} takes options only, and after -- there are none; leave -- out.", path);
                _parts.Add((null, [word, .. words]));
                break;
            }

            if (!IsName(word)) _parts.Add((null, [word]));
            else Add(word, words);
        }

        var kept = _parts.Where((part, index) => IsKept(part.Option, index)).ToArray();
        foreach (var (option, text) in kept)
            if (_typed.TryGetValue(text, out string? typedName)) Check(option!, text[0], typedName);
        return [.. kept.SelectMany(part => part.Words)];
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
        else if (command.FindOther(name) is { } guide) Add(guide.Name, name, guide.Target, value, rest);
        else if (IsGroup(name)) AddGroup(name, value, rest);
        else if (value is null && Negated(name) is { } flag) _parts.Add((flag, [flag.Name + "=false"]));
        else if (value is null && NegatedGuide(name) is { } fixedFlag) Add(fixedFlag.Name, name, fixedFlag.Target, "false", rest);
        else if (IsAttached(word)) Add($"{word[..2]}={word[2..]}", rest);
        else _parts.Add((null, [word]));
    }

    private void Add(Option option, string? value, Queue<string> rest)
    {
        bool isFlag = command.SettingOf(option) is { IsFlag: true };
        if (value is not null) _parts.Add((option, [$"{option.Name}={value}"]));
        else if (TakesNext(option, isFlag, rest)) _parts.Add((option, [option.Name, .. Values(option, rest)]));
        else _parts.Add((option, [isFlag ? option.Name + "=true" : option.Name]));
    }

    private void Add(GuideName guide, string name, string target, string? value, Queue<string> rest)
    {
        var option = command.Find(OptionOf(target))!;
        if (guide.IsAlias)
        {
            Add(option, value, rest);
            return;
        }

        if (value is null && guide.IsFlag) value = rest.TryPeek(out string? next) && SettingText.IsBool(next) ? rest.Dequeue() : "true";
        value ??= Next(name, rest);
        if (guide.Constants is not null) _constants[guide.Key] = new(guide, guide.ConstantOf(value));
        string? text = guide.Read(value, message => Refused(name, message));
        if (text is not null)
        {
            _parts.Add((option, [$"{option.Name}={text}"]));
            _typed.Add(_parts[^1].Words, guide.IsFlag ? $"{name}, which is {option.Name} {text}" : name);
        }

        if (guide.WhenOn is not { } on) return;
        _refused.Remove(guide.Key);
        if (text is not null) return;
        _refused[guide.Key] = new(target, on);
        _parts.RemoveAll(part => part.Option == option && string.Join('=', part.Words) == $"{option.Name}={on}");
    }

    /// <summary>Refuses a value that the option does not take, by the name that was typed.</summary>
    private void Check(Option option, string word, string typedName)
    {
        try
        {
            command.SettingOf(option)?.ParseValue(word[(option.Name.Length + 1)..]);
        }
        catch (FormatException e)
        {
            throw Refused(typedName, e.Message);
        }
    }

    /// <summary>Adds the settings of a dictionary, each like an option.</summary>
    private void AddGroup(string name, string? value, Queue<string> rest)
    {
        try
        {
            foreach (var (key, text) in ValueGroup.Read(value ?? Next(name, rest))) Add($"{OptionOf(key)}={text}", new Queue<string>());
        }
        catch (FormatException e)
        {
            throw Refused(name, e.Message);
        }
    }

    private string Next(string name, Queue<string> rest) =>
        rest.TryDequeue(out string? next) ? next : throw new UsageException($"{name}: expected a value.", path);

    private UsageException Refused(string name, string message) =>
        new($"{name}: {Names.InPlaceOfKeys(message)}{(message.EndsWith('?') ? "" : ".")}", path);

    /// <summary>The values that follow an option. As in argparse, an option of several takes all words up to the next option, if the
    /// command has no words of its own.</summary>
    private IEnumerable<string> Values(Option option, Queue<string> rest)
    {
        bool isNames = ValueWords.IsNames(option.HelpName), isList = option.Arity.MaximumNumberOfValues > 1;
        var values = new List<string> { rest.Dequeue() };
        while ((isNames || isList) && command.Arguments.Count == 0 && rest.TryPeek(out string? next) && !IsName(next) && next != "--")
            values.Add(rest.Dequeue());
        return isNames ? [string.Join(',', values)] : values.SelectMany((value, i) => i == 0 ? [value] : new[] { option.Name, value });
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
        return command.Find(name) is not null || command.FindOther(name) is not null || IsGroup(name) || Negated(name) is not null
            || NegatedGuide(name) is not null;
    }

    /// <summary>Whether a name groups settings, in a command that has those of a run.</summary>
    private bool IsGroup(string name) =>
        GuideNames.Groups.Contains(ToolCommand.KeyOf(name)) && command.Find(ToolCommand.Config.Name) is not null;

    /// <summary>Whether a word is a short name with its value: "-r8".</summary>
    private bool IsAttached(string word) =>
        word.Length > 2 && word[1] != '-' && !char.IsAsciiLetter(word[2]) && command.FindOther(word[..2]) is not null;

    /// <summary>The name that "--no-bf16" sets to false.</summary>
    private (GuideName Name, string Target)? NegatedGuide(string name) =>
        name.StartsWith(Negation, StringComparison.Ordinal)
            && command.FindOther("--" + name[Negation.Length..]) is { Name.IsFlag: true } guide ? guide : null;

    /// <summary>The flag that "--no-flag" sets to false.</summary>
    private Option? Negated(string name) =>
        name.StartsWith(Negation, StringComparison.Ordinal) && command.Find("--" + name[Negation.Length..]) is { } option
            && command.SettingOf(option) is { IsFlag: true } ? option : null;


    private static string OptionOf(string key) => "--" + key.Replace('_', '-');
}
