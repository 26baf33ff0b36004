namespace Lapidary.Cli.CommandLine;

/// <summary>A setting of one type.</summary>
/// <param name="name">In kebab case.</param>
/// <param name="valueName">Placeholder of the value in the help text.</param>
/// <param name="help">The help text.</param>
/// <param name="fallback">The default.</param>
/// <param name="parse">Parses a value or throws a FormatException.</param>
/// <param name="format">Formats a value; null for no value.</param>
/// <param name="isFlag">Whether the name alone means true.</param>
internal sealed class Setting<T>(
    string name, string valueName, string help, T fallback, Func<string, T> parse, Func<T, string?>? format = null, bool isFlag = false)
    : Setting(name, valueName, help, isFlag)
{
    public override object? DefaultValue => fallback;

    public override string? DefaultText => Format(fallback, format);

    public override object? ParseValue(string text) => parse(text);

    public override string? FormatValue(object? value) => Format((T)value!, format);

    private static string? Format(T value, Func<T, string?>? format) =>
        format is not null ? format(value) : value is null ? null : SettingText.Format(value);
}
