using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Lapidary.Cli.CommandLine;
using Lapidary.TextToSql;
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

    /// <summary>The options of a run on some ranks: its global batch sets the accumulation, or is checked against it.</summary>
    /// <param name="config">As read.</param>
    /// <param name="values">What was given.</param>
    /// <param name="worldSize">Number of ranks.</param>
    /// <param name="resumed">Rows of an optimizer step of the run that is gone on with; null for a new one. Where only that run's own file
    /// says how many micro-batches there are, the global batch stays as it was, on any number of ranks, and where that file alone says how
    /// many rows one has, they are fewer where each rank has fewer.</param>
    /// <exception cref="Formats.LapidaryException">They do not agree.</exception>
    public static SftConfig ForRanks(SftConfig config, SettingValues values, int worldSize, int? resumed)
    {
        Setting accumulation = Of(nameof(SftConfig.GradientAccumulationSteps)), batch = Of(nameof(SftConfig.GlobalBatchSize));
        bool isAsBefore = resumed is not null && !values.IsGiven(batch) && !values.IsChosen(accumulation);
        if (resumed is { } rows && (isAsBefore || config.GlobalBatchSize == rows) && rows % worldSize == 0
            && !values.IsTyped(Of(nameof(SftConfig.PerDeviceTrainBatchSize))))
        {
            config = config with { PerDeviceTrainBatchSize = LargestDivisor(rows / worldSize, config.PerDeviceTrainBatchSize) };
        }

        if (isAsBefore)
        {
            var asBefore = (config with { GlobalBatchSize = resumed }).ForRanks(worldSize, accumulationIsGiven: false);
            return worldSize == 1 ? asBefore with { GlobalBatchSize = null } : asBefore; // which nobody has set
        }

        // What is typed goes before what a file says.
        bool isGiven = values.IsTyped(accumulation) || (values.IsGiven(accumulation) && !values.IsTyped(batch));
        return config.ForRanks(worldSize, isGiven);
    }

    private static int LargestDivisor(int of, int limit)
    {
        int divisor = Math.Min(of, limit);
        while (of % divisor != 0) divisor--;
        return divisor;
    }

    private static Setting<object?> Create(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var range = property.GetCustomAttribute<RangeAttribute>();
        if (property.Name == nameof(SftConfig.EvalMetric)) return Metric(property);
        bool isFlag = type == typeof(bool) || (type.IsEnum && Enum.IsDefined(type, "True"));
        return new Setting<object?>(
            SettingText.Snake(property.Name).Replace('_', '-'), ValueName(type), OptionTexts.Of(typeof(SftConfig), property.Name),
            property.GetValue(Defaults), text => Parse(text, type, range), isFlag: isFlag)
        {
            // In TRL, null cuts nothing; the default would cut in silence.
            NullError = property.Name == nameof(SftConfig.MaxLength)
                ? "expected a number of tokens, found null; give the length of the longest row, or of the model's context" : null,
        };
    }

    /// <summary>A program can measure anything; the tool knows these.</summary>
    private static Setting<object?> Metric(PropertyInfo property)
    {
        string[] names = [SftConfig.LossMetric, SqlEvaluation.MetricName];
        return new Setting<object?>(
            SettingText.Snake(property.Name).Replace('_', '-'), string.Join('|', names), OptionTexts.Of(typeof(SftConfig), property.Name),
            property.GetValue(Defaults),
            text => Array.Find(names, name => name == text.Replace('-', '_'))
                ?? throw SettingText.Expected(string.Join(" or ", names), text));
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
        if (type == typeof(ReportTo) && !IsName<ReportTo>(text))
        {
            string message = SettingText.Expected(SettingText.Choices(type), text).Message;
            throw new FormatException(message + "; only TensorBoard's events are written");
        }

        if (type.IsEnum) return SettingText.Enumeration(type, text);
        if (type == typeof(int))
            return (int)SettingText.Integer(text, (int)(range?.Minimum ?? int.MinValue), (int)(range?.Maximum ?? int.MaxValue));
        if (type == typeof(long)) return SettingText.Integer(text, long.MinValue, long.MaxValue);
        return SettingText.Number(text, Bound(range?.Minimum, double.MinValue), Bound(range?.Maximum, double.MaxValue));
    }

    private static bool IsName<T>(string text) where T : struct, Enum =>
        Enum.GetNames<T>().Any(name => SettingText.Snake(name).Equals(text, StringComparison.OrdinalIgnoreCase));

    private static double Bound(object? bound, double none) =>
        bound is null ? none : Convert.ToDouble(bound, CultureInfo.InvariantCulture);
}
