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
    /// <summary>Loads those that the settings name: --tokenizer, else the adapter's, else the model's. A run that goes on has those of its
    /// checkpoint, unless others are asked for now.</summary>
    /// <returns>Null where none of them has a tokenizer.json, which is enough for pre-tokenized rows and ids.</returns>
    /// <exception cref="LapidaryException">A file is damaged, or a folder that was asked for has no tokenizer.</exception>
    public static TextTools? TryLoad(ModelSettings settings, SettingValues values, ModelFolders folders, string? checkpoint = null)
    {
        if (checkpoint is not null && !values.IsChosen(settings.Tokenizer) && TokenizerFolder.Resolve(checkpoint) is { } saved)
            return Load(saved);
        string? folder = TokenizerFolder.Resolve(folders.Model, folders.Adapter, folders.Tokenizer);
        return folder is null ? null : Load(folder);
    }

    /// <summary>The error where text is to be read and there is no tokenizer.</summary>
    public static ToolException NoTokenizer() =>
        new("The model's folder has no tokenizer.json; give --tokenizer, or token ids in place of text.");

    /// <summary>Loads those of a folder.</summary>
    public static TextTools Load(string folder) => new(Tokenizer.Load(folder), ChatTemplate.Load(folder));

    /// <summary>What data preparation needs.</summary>
    public ITextEncoder Encoder() => new GemmaTextEncoder(Tokenizer, Template);

    /// <summary>A text's ids with what the tokenizer adds to a text.</summary>
    public int[] EncodeText(string text) => Tokenizer.EncodeText(text);
}
