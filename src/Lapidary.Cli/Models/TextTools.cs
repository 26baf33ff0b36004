using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Models;

/// <summary>Tokenizer and chat template of a command.</summary>
internal sealed class TextTools
{
    private readonly Lazy<ChatTemplate> _template;

    private TextTools(string folder)
    {
        Tokenizer = Tokenizer.Load(folder);
        _template = new(() => ChatTemplate.Load(folder));
    }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Its chat template.</summary>
    public ChatTemplate Template => _template.Value;

    /// <summary>Loads the tools that the settings name: --tokenizer, else the adapter's, else the model's. A resumed run has those of its
    /// checkpoint, unless others are requested now.</summary>
    /// <returns>Null if none of them has a tokenizer.json, which is enough for pre-tokenized rows and ids.</returns>
    /// <exception cref="LapidaryException">A file is damaged, or a requested folder has no tokenizer.</exception>
    public static TextTools? TryLoad(
        ModelSettings settings, SettingValues values, ModelFolders folders, string? checkpoint = null, bool needsTemplate = true)
    {
        if (checkpoint is not null && !values.IsChosen(settings.Tokenizer) && TokenizerFolder.Resolve(checkpoint) is { } saved)
            return Load(saved, needsTemplate);
        string? folder = TokenizerFolder.Resolve(folders.Model, folders.Adapter, folders.Tokenizer);
        return folder is null ? null : Load(folder, needsTemplate);
    }

    /// <summary>The error if text must be read without a tokenizer.</summary>
    public static ToolException NoTokenizer() =>
        new("The model's folder has no tokenizer.json; give --tokenizer, or token ids in place of text.");

    /// <summary>Loads the tools of a folder. If the template is not required, it is read and checked at its first use.</summary>
    public static TextTools Load(string folder, bool needsTemplate = true)
    {
        var tools = new TextTools(folder);
        if (needsTemplate) _ = tools.Template;
        return tools;
    }

    /// <summary>The encoder for data preparation.</summary>
    public ITextEncoder Encoder() => new GemmaTextEncoder(Tokenizer, Template);

    /// <summary>The ids of a text, including the tokenizer's added tokens.</summary>
    public int[] EncodeText(string text) => Tokenizer.EncodeText(text);
}
