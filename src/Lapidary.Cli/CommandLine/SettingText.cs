using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.CommandLine;

/// <summary>Reads and writes the values of settings. Reading throws a FormatException that says what was expected and found.</summary>
internal static class SettingText
{
    /// <summary>True or false; also yes, no, on and off, which mean the same to Python's YAML.</summary>
    public static bool Bool(string text) => text.ToLowerInvariant() switch
    {
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        _ => throw Expected("true or false", text),
    };

    /// <summary>Whether <see cref="Bool"/> accepts the text.</summary>
    public static bool IsBool(string text) => text.ToLowerInvariant() is "true" or "yes" or "on" or "false" or "no" or "off";

    /// <summary>A path or a name: a non-empty text without the null character.</summary>
    public static string NotEmpty(string text, string valueName) =>
        string.IsNullOrWhiteSpace(text) || text.Contains('\0') ? throw Expected(valueName, text) : text;

    public static long Integer(string text, long minimum, long maximum) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
        && value >= minimum && value <= maximum
            ? value
            : throw Expected("a whole number" + Range(minimum, maximum), text);

    public static double Number(string text, double minimum, double maximum) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= minimum && value <= maximum
            ? value
            : throw Expected(string.Create(CultureInfo.InvariantCulture, $"a number from {minimum} to {maximum}"), text);

    /// <summary>One of an enumeration's names in snake case.</summary>
    public static object Enumeration(Type type, string text)
    {
        string[] names = Enum.GetNames(type);
        int index = Array.FindIndex(names, name => Snake(name).Equals(text.Replace('-', '_'), StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? Enum.Parse(type, names[index]) : throw Expected(Choices(type), text);
    }

    /// <summary>"no, steps or epoch".</summary>
    public static string Choices(Type type) => Choices([.. Enum.GetNames(type).Select(Snake)]);

    /// <inheritdoc cref="Choices(Type)"/>
    public static string Choices(string[] names) => $"{string.Join(", ", names[..^1])} or {names[^1]}";

    /// <summary>The text that the readers above accept.</summary>
    public static string Format(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        Enum name => Snake(name.ToString()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    /// <summary>ConstantWithWarmup: constant_with_warmup.</summary>
    public static string Snake(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        foreach (char c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0) text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }

    /// <summary>Reads "24GiB", "2GB" or a plain number of bytes.</summary>
    public static long Size(string text) => ByteSize.TryParse(text, out long bytes) ? bytes : throw Expected(ByteSize.Expected, text);

    private static string Range(long minimum, long maximum) =>
        (minimum, maximum) is (long.MinValue, long.MaxValue) ? " of 64 bits" : $" from {minimum} to {maximum}";

    /// <summary>The exception for an invalid value.</summary>
    public static FormatException Expected(string expected, string found) =>
        new($"expected {expected}, found \"{FileErrors.OneLine(found)}\"");
}
