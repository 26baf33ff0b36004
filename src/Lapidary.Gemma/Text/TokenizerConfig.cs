using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Text;

/// <summary>What stands beside tokenizer.json: names of the special tokens and the chat template, from tokenizer_config.json,
/// special_tokens_map.json, chat_template.jinja and chat_template.json; config.json says whether the model is a Gemma.</summary>
internal sealed class TokenizerConfig
{
    private const long MaxFileBytes = 64 << 20;

    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);

    /// <summary>Text of the chat template and the file it is from; null when the folder has none.</summary>
    public (string Text, string Path)? Template { get; private set; }

    /// <summary>Whether the files name a Gemma tokenizer or model.</summary>
    public bool IsGemma { get; private set; }

    /// <summary>The text of "bos_token", "eos_token", "pad_token", "unk_token", or null.</summary>
    public string? this[string name] => _tokens.GetValueOrDefault(name);

    /// <summary>Reads what the folder has; every file is optional.</summary>
    /// <exception cref="LapidaryException">A file is malformed.</exception>
    public static TokenizerConfig Read(string folder)
    {
        var config = new TokenizerConfig();
        config.ReadJson(Path.Combine(folder, "tokenizer_config.json"));
        config.ReadJson(Path.Combine(folder, "special_tokens_map.json"));
        config.ReadJson(Path.Combine(folder, "chat_template.json"));
        config.ReadJson(Path.Combine(folder, "config.json"));
        string jinja = Path.Combine(folder, "chat_template.jinja");
        if (ReadFile(jinja) is { } bytes) config.Template = (InputFile.Utf8Text(jinja, bytes, "a template"), jinja);
        return config;
    }

    private void ReadJson(string path)
    {
        if (ReadFile(path) is not { } bytes) return;
        try
        {
            using var document = JsonDocument.Parse(bytes.AsMemory(bytes.AsSpan().StartsWith(System.Text.Encoding.UTF8.Preamble) ? 3 : 0));
            foreach (string name in (ReadOnlySpan<string>)["bos_token", "eos_token", "pad_token", "unk_token"])
            {
                if (!document.RootElement.TryGetProperty(name, out var token) || token.ValueKind == JsonValueKind.Null) continue;
                if (token.ValueKind == JsonValueKind.Object) token = token.GetProperty("content");
                _tokens.TryAdd(name, token.GetString()!);
            }

            foreach (string name in (ReadOnlySpan<string>)["tokenizer_class", "model_type"])
            {
                if (document.RootElement.TryGetProperty(name, out var kind) && kind.ValueKind == JsonValueKind.String)
                    IsGemma |= kind.GetString()!.StartsWith("gemma", StringComparison.OrdinalIgnoreCase);
            }

            if (Template is null && document.RootElement.TryGetProperty("chat_template", out var template)
                && ReadTemplate(template) is { } text)
            {
                Template = (text, path);
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new LapidaryException($"{path}: not valid ({error.Message.ReplaceLineEndings(" ")}); download it again.", error);
        }
    }

    // A string, or a list of {"name", "template"} of which "default" is the one for chats.
    private static string? ReadTemplate(JsonElement template)
    {
        if (template.ValueKind != JsonValueKind.Array) return template.GetString();
        foreach (var named in template.EnumerateArray())
        {
            if (named.GetProperty("name").GetString() == "default") return named.GetProperty("template").GetString();
        }

        return null;
    }

    private static byte[]? ReadFile(string path) => Path.Exists(path) ? InputFile.ReadAllBytes(path, MaxFileBytes) : null;
}
