using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Sources;

namespace Lapidary.Gemma.Text;

/// <summary>lapidary.json of an adapter or model that was trained here: whether its training texts came from a chat template, so that its
/// prompts need the template too. The tokenizer's files do not tell, because a template may accompany a model that was trained on plain
/// text.</summary>
/// <remarks>A separate file, because PEFT, transformers and vLLM ignore it, while an unknown key in adapter_config.json makes PEFT warn.
/// The file follows the adapter to the Hub and back, and into the merged and the quantized model.</remarks>
internal static class PromptKind
{
    /// <summary>The file's name.</summary>
    public const string FileName = HubFiles.PromptKindName;

    private const string ChatKey = "chat_template";

    /// <summary>Whether the model or adapter in a folder was trained with a chat template; null if unknown.</summary>
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

    /// <summary>Copies an adapter's file into the merged model, replacing the base's; without one, the base's file stays.</summary>
    public static void Copy(string source, string target) => ModelFiles.TryCopy(FileName, source, target);
}
