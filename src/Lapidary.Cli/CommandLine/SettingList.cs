namespace Lapidary.Cli.CommandLine;

/// <summary>A repeatable setting of texts: on the command line the option is repeated, in a file it is a list.</summary>
/// <param name="name">In kebab case.</param>
/// <param name="valueName">Placeholder of the value in the help text.</param>
/// <param name="help">One line.</param>
/// <param name="check">Throws a FormatException for an invalid value.</param>
internal sealed class SettingList(string name, string valueName, string help, Action<string>? check = null)
    : Setting(name, valueName, help, isList: true)
{
    private readonly string _valueName = valueName;

    public override object? DefaultValue { get; } = Array.Empty<string>();

    public override object? ParseValue(string text)
    {
        string value = SettingText.NotEmpty(text, _valueName);
        check?.Invoke(value);
        return value;
    }

    public override object? ParseValues(IReadOnlyList<string> texts) => texts.Select(text => (string)ParseValue(text)!).ToArray();

    public override string? FormatValue(object? value) => value is string[] { Length: > 0 } texts ? string.Join(',', texts) : null;

    public override IReadOnlyList<string> FormatValues(object? value) => value as string[] ?? [];
}
