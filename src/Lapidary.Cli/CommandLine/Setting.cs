using System.CommandLine;
using System.CommandLine.Completions;
using Lapidary.Cli.Help;

namespace Lapidary.Cli.CommandLine;

/// <summary>A named value of the command line and a configuration file, with one parser for both.</summary>
internal abstract class Setting
{
    /// <param name="name">In kebab case.</param>
    /// <param name="valueName">Placeholder of the value in the help text.</param>
    /// <param name="help">One line.</param>
    /// <param name="isFlag">Whether the name alone means true.</param>
    /// <param name="isList">Whether it may be repeated, each time with one more value.</param>
    protected Setting(string name, string valueName, string help, bool isFlag = false, bool isList = false)
    {
        Name = name;
        Help = help;
        IsFlag = isFlag;
        Option = isList ? new Option<string[]>("--" + name) : new Option<string>("--" + name);
        Option.HelpName = valueName;
        Option.Arity = isList ? ArgumentArity.OneOrMore : isFlag ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne;
        Option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 0) return;
            string[] texts = [.. result.Tokens.Select(token => token.Value)];
            try
            {
                // An unknown option would otherwise be taken as this one's value.
                if (texts.FirstOrDefault(text => text.StartsWith("--", StringComparison.Ordinal)) is { } unknown)
                    throw new FormatException($"expected {valueName}, found the option {unknown}");
                ParseValues(texts);
            }
            catch (FormatException e)
            {
                result.AddError($"--{name}: {e.Message}{(e.Message.EndsWith('?') ? "" : ".")}");
            }
        });
    }

    /// <summary>Name on the command line, without "--": learning-rate.</summary>
    public string Name { get; }

    /// <summary>Key in a configuration file: learning_rate.</summary>
    public string Key => Name.Replace('-', '_');

    /// <summary>The help text.</summary>
    public string Help { get; }

    /// <summary>The default in the help; null for none.</summary>
    public virtual string? DefaultText => null;

    /// <summary>Whether its values are paths, judged by the placeholder.</summary>
    public bool IsPath => ValueWords.IsPath(Option.HelpName);

    /// <summary>Whether the option's name alone means true.</summary>
    public bool IsFlag { get; }

    /// <summary>The option of the command line.</summary>
    public Option Option { get; }

    /// <summary>Values that a shell completes, besides those that the placeholder lists.</summary>
    public IEnumerable<string> Completions
    {
        init => Option.CompletionSources.Add(_ => value.Select(word => new CompletionItem(word)));
    }

    /// <summary>The meaning of null in a configuration file, if it is not the default.</summary>
    public string? NullText { get; init; }

    /// <summary>Why null is refused in a configuration file; null if it is accepted.</summary>
    public string? NullError { get; init; }

    /// <summary>Parses a value.</summary>
    /// <exception cref="FormatException">The value is invalid; the message says what was expected and found.</exception>
    public abstract object? ParseValue(string text);

    /// <summary>Parses the texts of a repeated option, or of a list in a configuration file.</summary>
    /// <exception cref="FormatException">A value is invalid.</exception>
    public virtual object? ParseValues(IReadOnlyList<string> texts) => ParseValue(string.Join(',', texts));

    /// <summary>Formats a value in the form that <see cref="ParseValues"/> reads.</summary>
    public virtual IReadOnlyList<string> FormatValues(object? value) => FormatValue(value) is { } text ? [text] : [];

    /// <summary>Formats a value in the form that <see cref="ParseValue"/> reads; null for no value.</summary>
    public abstract string? FormatValue(object? value);

    /// <summary>The default value.</summary>
    public abstract object? DefaultValue { get; }

    /// <summary>Creates a setting of a non-empty text: a path or a name.</summary>
    public static Setting<string?> Text(string name, string valueName, string help, string? fallback = null) =>
        new(name, valueName, help, fallback, text => SettingText.NotEmpty(text, valueName));

    /// <summary>Creates a yes/no setting with default no; its name alone means yes.</summary>
    public static Setting<bool> Flag(string name, string help, bool fallback = false) =>
        new(name, "true|false", help, fallback, SettingText.Bool, isFlag: true);

    public static Setting<bool?> OptionalFlag(string name, string help) =>
        new(name, "true|false", help, null, text => SettingText.Bool(text), isFlag: true);

    public static Setting<int> Integer(string name, string help, int fallback, int minimum = 0, int maximum = int.MaxValue) =>
        new(name, "N", help, fallback, text => (int)SettingText.Integer(text, minimum, maximum));

    public static Setting<int?> OptionalInteger(string name, string help, int minimum, int maximum = int.MaxValue) =>
        new(name, "N", help, null, text => (int)SettingText.Integer(text, minimum, maximum));

    public static Setting<long> Long(string name, string help, long fallback) =>
        new(name, "N", help, fallback, text => SettingText.Integer(text, long.MinValue, long.MaxValue));

    public static Setting<double> Number(string name, string help, double fallback, double minimum, double maximum) =>
        new(name, "X", help, fallback, text => SettingText.Number(text, minimum, maximum));

    public static Setting<double?> OptionalNumber(string name, string help, double minimum, double maximum) =>
        new(name, "X", help, null, text => SettingText.Number(text, minimum, maximum));
}
