using System.CommandLine;

namespace Lapidary.Cli.Options;

/// <summary>A named value that the command line and a configuration file share, with one parser for both.</summary>
internal abstract class Setting
{
    /// <param name="name">In kebab case.</param> <param name="valueName">Stands for the value in the help text.</param>
    /// <param name="help">One line.</param> <param name="isFlag">Whether the name alone means true.</param>
    protected Setting(string name, string valueName, string help, bool isFlag)
    {
        Name = name;
        IsFlag = isFlag;
        Option = new Option<string>("--" + name)
        {
            Description = help,
            HelpName = valueName,
            Arity = isFlag ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        };
        Option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 0) return;
            string text = result.Tokens[0].Value;
            try
            {
                // An option that is not known would otherwise be taken for this one's value.
                if (text.StartsWith("--", StringComparison.Ordinal)) throw new FormatException($"expected {valueName}, found the option {text}");
                ParseValue(text);
            }
            catch (FormatException e)
            {
                result.AddError($"--{name}: {e.Message}.");
            }
        });
    }

    /// <summary>On the command line, without "--": learning-rate.</summary>
    public string Name { get; }

    /// <summary>In a configuration file: learning_rate.</summary>
    public string Key => Name.Replace('-', '_');

    /// <summary>Whether the option's name alone means true.</summary>
    public bool IsFlag { get; }

    /// <summary>The option of the command line.</summary>
    public Option<string> Option { get; }

    /// <summary>What a configuration file's null means, where it is not the default.</summary>
    public string? NullText { get; init; }

    /// <summary>Reads a value.</summary>
    /// <exception cref="FormatException">It is no such value; the message says what was expected and found.</exception>
    public abstract object? ParseValue(string text);

    /// <summary>Writes a value as <see cref="ParseValue"/> reads it; null where there is none.</summary>
    public abstract string? FormatValue(object? value);

    /// <summary>The value where none is given.</summary>
    public abstract object? DefaultValue { get; }
}

/// <summary>A setting of one type.</summary>
/// <param name="name">In kebab case.</param> <param name="valueName">Stands for the value in the help text.</param>
/// <param name="help">One line; the default is appended.</param> <param name="fallback">The default.</param>
/// <param name="parse">Reads a value or throws a FormatException.</param> <param name="format">Writes a value; null for no value.</param>
/// <param name="isFlag">Whether the name alone means true.</param>
internal sealed class Setting<T>(
    string name, string valueName, string help, T fallback, Func<string, T> parse, Func<T, string?>? format = null, bool isFlag = false)
    : Setting(name, valueName, WithDefault(help, fallback, format), isFlag)
{
    public override object? DefaultValue => fallback;

    public override object? ParseValue(string text) => parse(text);

    public override string? FormatValue(object? value) => Format((T)value!, format);

    private static string WithDefault(string help, T value, Func<T, string?>? format) =>
        Format(value, format) is { } text ? $"{help} [default: {text}]" : help;

    private static string? Format(T value, Func<T, string?>? format) => format is not null ? format(value) : value is null ? null : SettingText.Format(value);
}
