namespace Lapidary.Cli.Help;

/// <summary>An option, argument or command in a help text.</summary>
/// <param name="Name">As typed: --learning-rate.</param>
/// <param name="Aliases">Other names: --lr.</param>
/// <param name="Value">Placeholder of the value; null if it takes none.</param>
/// <param name="Text">The help text. A line break starts a new line.</param>
/// <param name="Default">The default value; null for none.</param>
/// <param name="IsMain">Whether the short help describes it.</param>
internal sealed record HelpEntry(string Name, IReadOnlyList<string> Aliases, string? Value, string Text, string? Default, bool IsMain)
{
    /// <summary>"--learning-rate, --lr X": one-letter names come first.</summary>
    public string Heading
    {
        get
        {
            string[] names = [.. Aliases.Where(IsShort), Name, .. Aliases.Where(alias => !IsShort(alias))];
            return string.Join(", ", names) + (Value is null ? "" : " " + Value);
        }
    }

    /// <summary>"(required)"; null for an option that may be left out.</summary>
    public string? Need { get; init; }

    private static bool IsShort(string alias) => alias.Length == 2;
}

/// <summary>Entries under one title.</summary>
internal sealed record HelpSection(string Title, IReadOnlyList<HelpEntry> Entries);

/// <summary>The help of one command, or of the tool.</summary>
/// <param name="Command">"lapidary train".</param>
/// <param name="Summary">One line.</param>
/// <param name="Arguments">The words after the command in the usage line.</param>
/// <param name="Sections">In order.</param>
/// <param name="Examples">Whole command lines.</param>
internal sealed record HelpPage(
    string Command, string Summary, string Arguments, IReadOnlyList<HelpSection> Sections, IReadOnlyList<string> Examples)
{
    /// <summary>Names of other tools that the command also accepts, each "--lr: --learning-rate"; only the long help shows them.</summary>
    public IReadOnlyList<(string Name, string Meaning)> OtherNames { get; init; } = [];

    /// <summary>Where to read more; null for none.</summary>
    public string? More { get; init; }

    /// <summary>"lapidary train [options]".</summary>
    public string Usage => $"{Command} {Arguments}".TrimEnd();
}
