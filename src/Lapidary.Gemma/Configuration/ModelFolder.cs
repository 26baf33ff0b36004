using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Configuration;

/// <summary>The files of a Hugging Face model folder beside its weights.</summary>
internal static class ModelFolder
{
    /// <summary>Files of the tokenizer and chat template, copied beside an adapter or a merged model so that it can be used
    /// alone.</summary>
    private static readonly string[] TokenizerFiles =
    [
        Tokenizer.FileName, "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "chat_template.json",
    ];

    /// <summary>Files that a merged model keeps from its base.</summary>
    private static readonly string[] ModelFiles = [GenerationConfig.FileName, "preprocessor_config.json", "processor_config.json"];

    /// <summary>Copies the tokenizer's files, those that there are.</summary>
    public static void CopyTokenizer(string source, string target) => Copy(TokenizerFiles, source, target);

    /// <summary>Copies the tokenizer's files and the model's other configurations; config.json is written by whoever writes the
    /// weights.</summary>
    public static void CopyAll(string source, string target) => Copy([.. TokenizerFiles, .. ModelFiles], source, target);

    private static void Copy(string[] names, string source, string target)
    {
        if (Path.GetFullPath(source) == Path.GetFullPath(target)) return;
        foreach (string name in names)
        {
            string path = Path.Combine(source, name);
            if (!File.Exists(path)) continue;
            using var file = File.OpenRead(path);
            AtomicFile.WriteStream(Path.Combine(target, name), file.CopyTo);
        }
    }
}
