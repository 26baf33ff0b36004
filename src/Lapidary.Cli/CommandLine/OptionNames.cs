using System.CommandLine;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Cli.Output;
using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>The options of a command, for messages of the libraries. A library does not know the command line: it names C# properties
/// (MaxLength) or keys of run.yaml (max_length), and the user is told which option to type.</summary>
/// <param name="keys">Keys of the command's options: max_length.</param>
/// <param name="flags">Those whose option alone means true.</param>
internal sealed partial class OptionNames(IEnumerable<string> keys, params IEnumerable<string> flags)
{
    private readonly HashSet<string> _keys = [.. keys], _flags = [.. flags];

    /// <summary>The options of the requested command.</summary>
    public static OptionNames Of(ParseResult parsed) =>
        new(
            parsed.CommandResult.Command.Options.Select(KeyOf),
            parsed.CommandResult.Command.Options.Where(option => option.Arity.MinimumNumberOfValues == 0).Select(KeyOf));

    /// <summary>--max-length: max_length.</summary>
    public static string KeyOf(Option option) => option.Name.TrimStart('-').Replace('-', '_');

    /// <summary>"a smaller max_length, or set device to cpu": "a smaller --max-length, or use --device cpu".</summary>
    /// <remarks>Only a key of several words is recognized alone, because "device" or "output" are also ordinary words. A key of one word
    /// must be in "set KEY to VALUE", which another property may follow with "and PROPERTY to VALUE", or be the property before "must" at
    /// the start, where it stays a word. Text in quotes, or in a path, a name or an option, is not a key.</remarks>
    public string InPlaceOfKeys(string text) => InPlaceOfKeys(text, []);

    private string InPlaceOfKeys(string text, IReadOnlyList<(int Start, int End)> values) => Pattern().Replace(text, match =>
    {
        var (set, key) = (match.Groups["set"], match.Groups["key"]);
        if (match.Groups["word"] is { Success: true } word)
            return word.Value.ToLowerInvariant() is var lower && _keys.Contains(lower) ? lower : word.Value;
        if (!key.Success || values.Any(value => key.Index < value.End && value.Start < key.Index + key.Length)) return match.Value;
        string name = char.IsAsciiLetterUpper(key.ValueSpan[0]) ? JsonNamingPolicy.SnakeCaseLower.ConvertName(key.Value) : key.Value;
        if (!_keys.Contains(name)) name = key.Value.ToLowerInvariant(); // DType, which is no word of two
        if (!_keys.Contains(name)) return match.Value;
        string option = "--" + name.Replace('_', '-');
        if (!set.Success) return option;
        string value = match.Groups["value"].Value;
        return $"{(set.Value == "Set" ? "Use" : "use")} {option}{(value == "true" && _flags.Contains(name) ? "" : $" {value}")}"
            + Second(match.Groups["second"].Value, match.Groups["other"].Value);
    });

    private string Second(string property, string value)
    {
        if (property.Length == 0) return "";
        string key = JsonNamingPolicy.SnakeCaseLower.ConvertName(property);
        return _keys.Contains(key) ? $" --{key.Replace('_', '-')} {value}" : $" and {property} to {value}";
    }

    /// <summary>The one line of an error. The tool's errors already name options. Values in the line stay, because a file or column may
    /// have the name of a key.</summary>
    public string Line(LapidaryException error) =>
        PlainText.OneLine(error is ToolException ? error.Message : InPlaceOfKeys(error.Message, error.Values));

    // Text in quotes is matched first, and so skipped.
    [GeneratedRegex("""
        "[^"]*" | (?<!\w)'[^']*'(?!\w) | `[^`]*`
        | \A (?<word>[A-Z][a-z0-9]*) (?=\ must\ )
        | (?<![^\s(]) (?:
            (?<set>[Ss]et)\ (?<key>[A-Za-z][A-Za-z0-9_]*)\ to\ (?<value>[\w.:+/\\@-]*\w)
                (?:\ and\ (?<second>[A-Z]\w+)\ to\ (?<other>\w+))?
            | (?<key>[a-z][a-z0-9]*(?:_[a-z0-9]+)+ | (?:[A-Z][a-z0-9]+){2,})
          ) (?![^\s.,;:?!)]|[.,:]\S)
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
