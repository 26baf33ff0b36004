using Lapidary.Gemma;

namespace Lapidary.Cli.Options;

/// <summary>--size: a published size, for commands that need no model's files.</summary>
internal static class ModelSize
{
    /// <summary>The setting, with what it is for.</summary>
    public static Setting<string?> Setting(string help) => new("size", string.Join('|', GemmaConfig.PresetNames), help, null, Parse);

    private static string Parse(string text) =>
        GemmaConfig.PresetNames.Contains(text) ? text : throw SettingText.Expected(string.Join(", ", GemmaConfig.PresetNames), text);
}
