using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Sources;

namespace Lapidary.Gemma.Text;

/// <summary>lapidary.json beside an adapter or a model that was trained here: whether its texts came from a chat template, and so must
/// its prompts. The tokenizer's files do not tell: a template may lie beside a model that was trained on plain text.</summary>
/// <remarks>A file of its own, because PEFT, transformers and vLLM take no notice of it, while a key that they do not know in
/// adapter_config.json makes PEFT warn. It goes with the adapter to the Hub and back, and into the merged and the quantized
/// model.</remarks>
internal static class PromptKind
{
    /// <summary>The file's name.</summary>
    public const string FileName = HubFiles.PromptKindName;

    private const string ChatKey = "chat_template";

    /// <summary>Whether the model or adapter in a folder was trained through a chat template; null where that is not known.</summary>
    /// <exception cref="LapidaryException">The file is damaged.</exception>
    public static bool? IsChat(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!InputFile.IsThere(path)) return null;
        var json = new JsonSection(path, JsonFile.Read(path));
        return json.Json.ContainsKey(ChatKey) ? json.Flag(ChatKey, false) : null;
    }

    /// <summary>Writes the file.</summary>
    public static void Write(string folder, bool isChat) =>
        JsonFile.Write(Path.Combine(folder, FileName), new JsonObject { [ChatKey] = isChat });

    /// <summary>Takes the file of an adapter over into the model that it is merged into, in place of the base's; an adapter without one
    /// leaves the base's.</summary>
    public static void Copy(string source, string target) => ModelFiles.TryCopy(FileName, source, target);
}
