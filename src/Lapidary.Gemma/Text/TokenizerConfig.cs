using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Text;

/// <summary>The files beside tokenizer.json: names of the special tokens and the chat template, from tokenizer_config.json,
/// special_tokens_map.json, chat_template.jinja and chat_template.json; and config.json, which tells whether the model is a
/// Gemma.</summary>
internal sealed class TokenizerConfig
{
    private const long MaxFileBytes = 64 << 20;
    private const string TemplateKey = "chat_template", DefaultName = "default";

    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private LapidaryException? _noDefault;

    /// <summary>Text of the chat template and its file; null if the folder has none.</summary>
    public (string Text, string Path)? Template { get; private set; }

    /// <summary>Whether the files name a Gemma tokenizer or model.</summary>
    public bool IsGemma { get; private set; }

    /// <summary>Whether texts begin with BOS; null if only tokenizer.json tells.</summary>
    public bool? AddBosToken { get; private set; }

    /// <summary>Whether texts end with EOS; null if only tokenizer.json tells.</summary>
    public bool? AddEosToken { get; private set; }

    /// <summary>The text of "bos_token", "eos_token", "pad_token", "unk_token", or null.</summary>
    public string? this[string name] => _tokens.GetValueOrDefault(name);

    /// <summary>Reads the files of a folder; every file is optional.</summary>
    /// <exception cref="LapidaryException">A file is malformed.</exception>
    public static TokenizerConfig Read(string folder)
    {
        var config = new TokenizerConfig();
        foreach (string name in (ReadOnlySpan<string>)
            ["tokenizer_config.json", "special_tokens_map.json", "chat_template.json", "config.json"])
        {
            string path = Path.Combine(folder, name);
            if (InputFile.IsThere(path))
                config.ReadJson(new JsonSection(path, JsonFile.Parse(path, InputFile.ReadAllBytes(path, MaxFileBytes, "a JSON file"))));
        }

        string jinja = Path.Combine(folder, "chat_template.jinja");
        if (InputFile.IsThere(jinja)) config.Template = (InputFile.ReadAllText(jinja, MaxFileBytes, "a chat template"), jinja);
        return config;
    }

    /// <summary>Refuses a folder with several chat templates without a default.</summary>
    /// <exception cref="LapidaryException">The message lists their names.</exception>
    public void RequireOneTemplate()
    {
        if (Template is null && _noDefault is not null) throw _noDefault;
    }

    private void ReadJson(JsonSection json)
    {
        foreach (string name in (ReadOnlySpan<string>)["bos_token", "eos_token", "pad_token", "unk_token"])
        {
            string? token = json.Json[name] is JsonObject ? json.Section(name)!.Text("content") : json.Text(name);
            if (token is not null) _tokens.TryAdd(name, token);
        }

        foreach (string name in (ReadOnlySpan<string>)["tokenizer_class", "model_type"])
            IsGemma |= json.Json[name] is JsonValue && json.Text(name)!.StartsWith("gemma", StringComparison.OrdinalIgnoreCase);

        if (json.Has("add_bos_token")) AddBosToken ??= json.Flag("add_bos_token", false);
        if (json.Has("add_eos_token")) AddEosToken ??= json.Flag("add_eos_token", false);
        if (Template is null && ReadTemplate(json) is { } text) Template = (text, json.Path);
    }

    // A string, or a list of {"name", "template"} of which "default" is the one for chats.
    private string? ReadTemplate(JsonSection json)
    {
        if (json.Json[TemplateKey] is not JsonArray list) return json.Text(TemplateKey);
        var names = new List<string>();
        foreach (var item in list)
        {
            if (item is not JsonObject named) throw json.Error(TemplateKey, "a string, or a list of objects with name and template");
            var template = new JsonSection(json.Path, named, $"{TemplateKey}: ");
            string name = template.Text("name") ?? throw template.Error("name", "a string");
            string text = template.Text("template") ?? throw template.Error("template", "a string");
            if (name == DefaultName) return text;
            names.Add(FileErrors.OneLine(name));
        }

        _noDefault ??= new LapidaryException(
            $"{json.Path}: {TemplateKey}: expected a template named \"{DefaultName}\", found {string.Join(", ", names.Take(20))}; "
            + "rename the one to use, or save it as chat_template.jinja in the same folder.");
        return null;
    }
}
