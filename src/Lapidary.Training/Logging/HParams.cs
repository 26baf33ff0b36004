using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Lapidary.Training.Logging;

/// <summary>The settings of a run for TensorBoard's HPARAMS view: a value when a session starts, one when it ends.</summary>
/// <remarks>The format is that of the hparams plugin's plugin_data.proto, version 0. TensorBoard lists settings and metrics of all runs
/// below its folder by these values alone; no description of the experiment is needed.</remarks>
internal static class HParams
{
    /// <summary>Status of the plugin's api.proto.</summary>
    private const int Success = 1, Failure = 2;

    private const string Plugin = "hparams", StartTag = "_hparams_/session_start_info", EndTag = "_hparams_/session_end_info";

    /// <summary>The value at the start.</summary>
    /// <param name="settings">Keys and values; a repeated key is a list.</param>
    /// <param name="seconds">Seconds since 1970.</param>
    public static TensorBoardSummary.Types.Value Start(IEnumerable<KeyValuePair<string, string>> settings, double seconds)
    {
        var start = new HParamsData.Types.Start { StartTimeSecs = seconds };
        foreach (var setting in settings.GroupBy(pair => pair.Key, pair => pair.Value))
            start.Hparams[setting.Key] = ValueOf(string.Join(',', setting));
        return PluginValue.Of(Plugin, StartTag, new HParamsData { SessionStartInfo = start }, text: null);
    }

    /// <summary>The value at the end.</summary>
    /// <param name="isComplete">Whether the run is complete.</param>
    /// <param name="seconds">Seconds since 1970.</param>
    public static TensorBoardSummary.Types.Value End(bool isComplete, double seconds)
    {
        var end = new HParamsData.Types.End { Status = isComplete ? Success : Failure, EndTimeSecs = seconds };
        return PluginValue.Of(Plugin, EndTag, new HParamsData { SessionEndInfo = end }, text: null);
    }

    /// <summary>TensorBoard filters numbers by ranges, and the other types by their values.</summary>
    private static Value ValueOf(string text) => text switch
    {
        "true" => Value.ForBool(true),
        "false" => Value.ForBool(false),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            => Value.ForNumber(number),
        _ => Value.ForString(text),
    };
}
