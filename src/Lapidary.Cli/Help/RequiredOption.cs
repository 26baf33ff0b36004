using System.CommandLine;

namespace Lapidary.Cli.Help;

/// <summary>Options of which a command needs at least one, the usual one first.</summary>
internal sealed class RequiredOption(params IReadOnlyList<Option> options)
{
    /// <summary>The options.</summary>
    public IReadOnlyList<Option> Options => options;

    /// <summary>"--dataset", "--model (or --adapter)".</summary>
    public string Names => options.Count == 1 ? options[0].Name : $"{options[0].Name} (or {Others})";

    /// <summary>In the usage line: "--model MODEL", or all of more than two: "(--size SIZE | --model MODEL | --adapter ADAPTER)".</summary>
    public string Usage => options.Count <= 2 ? WithValue(options[0]) : $"({string.Join(" | ", options.Select(WithValue))})";

    /// <summary>In the option's help: "(required)"; null for all options but the first.</summary>
    public string? MarkOf(Option option)
    {
        if (option != options[0]) return null;
        return options.Count == 1 ? "(required)" : $"(required, or {Others})";
    }

    private string Others => string.Join(", ", options.Skip(1).Select(option => option.Name));

    /// <summary>"a, b and c".</summary>
    public static string Listed(IEnumerable<string> words, string last)
    {
        string[] all = [.. words];
        return all.Length < 2 ? string.Concat(all) : $"{string.Join(", ", all[..^1])} {last} {all[^1]}";
    }

    /// <summary>"--input-ids IDS": the value is named after the option, because its own placeholder may list several kinds.</summary>
    private static string WithValue(Option option) => $"{option.Name} {option.Name.Split('-')[^1].ToUpperInvariant()}";
}
