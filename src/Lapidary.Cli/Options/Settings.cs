namespace Lapidary.Cli.Options;

/// <summary>Makes settings of the common types.</summary>
internal static class Settings
{
    public static Setting<string?> Text(string name, string valueName, string help, string? fallback = null) =>
        new(name, valueName, help, fallback, text => text);

    public static Setting<bool> Flag(string name, string help, bool fallback = false) =>
        new(name, "true|false", help, fallback, SettingText.Bool, isFlag: true);

    public static Setting<bool?> OptionalFlag(string name, string help) => new(name, "true|false", help, null, text => SettingText.Bool(text), isFlag: true);

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
