using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Lapidary.Cli.CommandLine;
using Lapidary.Training;

namespace Lapidary.Cli.Settings;

/// <summary>The settings of <see cref="SftConfig"/>: names, defaults, ranges and help all come from the record.</summary>
internal static class SftSettings
{
    private static readonly SftConfig Defaults = new();
    private static readonly (PropertyInfo Property, Setting Setting)[] Properties =
        [.. typeof(SftConfig).GetProperties().Where(property => property.CanWrite).Select(property => (property, Create(property)))];

    /// <summary>In the record's order.</summary>
    public static IReadOnlyList<Setting> All { get; } = [.. Properties.Select(pair => pair.Setting)];

    /// <summary>The setting of a property.</summary>
    public static Setting Of(string property) => Array.Find(Properties, pair => pair.Property.Name == property).Setting;

    /// <summary>The record with the values given.</summary>
    public static SftConfig Read(SettingValues values)
    {
        var config = new SftConfig();
        foreach (var (property, setting) in Properties) property.SetValue(config, values.Get(setting));
        return config;
    }

    private static Setting<object?> Create(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var range = property.GetCustomAttribute<RangeAttribute>();
        bool isFlag = type == typeof(bool) || (type.IsEnum && Enum.IsDefined(type, "True"));
        return new Setting<object?>(
            SettingText.Snake(property.Name).Replace('_', '-'), ValueName(type), XmlDocumentation.SummaryOf(property),
            property.GetValue(Defaults), text => Parse(text, type, range), isFlag: isFlag);
    }

    private static string ValueName(Type type)
    {
        if (type == typeof(bool)) return "true|false";
        if (type.IsEnum) return string.Join('|', Enum.GetNames(type).Select(SettingText.Snake));
        if (type == typeof(double)) return "X";
        return type == typeof(string) ? "DIR" : "N";
    }

    private static object Parse(string text, Type type, RangeAttribute? range)
    {
        if (type == typeof(bool)) return SettingText.Bool(text);
        if (type == typeof(string)) return SettingText.NotEmpty(text, ValueName(type));
        if (type.IsEnum) return SettingText.Enumeration(type, text);
        if (type == typeof(int))
            return (int)SettingText.Integer(text, (int)(range?.Minimum ?? int.MinValue), (int)(range?.Maximum ?? int.MaxValue));
        if (type == typeof(long)) return SettingText.Integer(text, long.MinValue, long.MaxValue);
        return SettingText.Number(text, Bound(range?.Minimum, double.MinValue), Bound(range?.Maximum, double.MaxValue));
    }

    private static double Bound(object? bound, double none) =>
        bound is null ? none : Convert.ToDouble(bound, CultureInfo.InvariantCulture);
}
