using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Models;

/// <summary>Tokenizer and chat template of a command.</summary>
/// <param name="Tokenizer">The tokenizer.</param> <param name="Template">Its chat template.</param>
internal sealed record TextTools(Tokenizer Tokenizer, ChatTemplate Template)
{
    /// <summary>Loads those that the settings name: --tokenizer, else the model's own if it has one.</summary>
    /// <returns>Null where the model's folder has no tokenizer.json, which is enough for pre-tokenized rows and ids.</returns>
    /// <exception cref="LapidaryException">A file is damaged, or a folder that was asked for has no tokenizer.</exception>
    public static TextTools? TryLoad(ModelSettings settings, SettingValues values)
    {
        if (values.Get(settings.Tokenizer) is { } given) return Load(ModelPath.Find(given));
        string folder = settings.Folder(values);
        return File.Exists(Path.Combine(folder, Tokenizer.FileName)) ? Load(folder) : null;
    }

    /// <summary>Loads those of a folder.</summary>
    public static TextTools Load(string folder) => new(Tokenizer.Load(folder), ChatTemplate.Load(folder));

    /// <summary>What data preparation needs.</summary>
    public ITextEncoder Encoder() => new GemmaTextEncoder(Tokenizer, Template);

    /// <summary>A text's ids with exactly one BOS in front, as training adds it.</summary>
    public int[] EncodeText(string text) => Tokenizer.Encode(text, addSpecialTokens: !Tokenizer.BeginsWithBos(text));
}
