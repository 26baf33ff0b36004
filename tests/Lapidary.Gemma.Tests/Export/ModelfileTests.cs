using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>What an export says to Ollama.</summary>
public class ModelfileTests
{
    // Ollama's own parser and template package (commit fb30760) read this text and gave Gemma's form, byte for byte, for one turn and
    // several, with and without a system text, and for an empty answer; and an open turn where the assistant's came last. Whoever changes
    // it should do that again: docs/gguf.md says how.
    private const string Golden = """"
        FROM ./m.gguf
        TEMPLATE """{{- $system := .System }}{{ $open := false }}
        {{- range .Messages }}
        {{- if $open }}<end_of_turn>
        {{ $open = false }}{{ end }}
        {{- if eq .Role "user" }}<start_of_turn>user
        {{ with $system }}{{ . }}

        {{ end }}{{ .Content }}<end_of_turn>
        {{ $system = "" }}
        {{- else if eq .Role "assistant" }}<start_of_turn>model
        {{ .Content }}{{ $open = true }}
        {{- end }}
        {{- end }}
        {{- if not $open }}<start_of_turn>model
        {{ end }}"""
        PARAMETER stop "<eos>"
        PARAMETER stop "<end_of_turn>"
        PARAMETER num_ctx 512
        PARAMETER temperature 0
        PARAMETER repeat_penalty 1

        """";

    [Fact]
    public void Conversation_IsTheTextThatOllamaRendersAsGemma()
    {
        Assert.Equal(Golden, Write(GgufModels.Of()));
    }

    [Fact]
    public void MakersSettings_AreKept()
    {
        string model = GgufModels.Of();
        File.WriteAllText(
            Path.Combine(model, "generation_config.json"),
            """{"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.2, "eos_token_id": [1, 6]}""");

        string text = Write(model);

        Assert.EndsWith(
            "PARAMETER temperature 0.7\nPARAMETER top_k 20\nPARAMETER top_p 0.9\n"
            + "PARAMETER repeat_penalty 1.2\nPARAMETER repeat_last_n -1\n",
            text);
    }

    /// <summary>Ollama takes a file with one of these keys, or without the epsilon, for one of its own converter and changes it as it
    /// loads: it sets the factor of the rotary embedding to 8 for long contexts, for example.</summary>
    [Fact]
    public void Keys_AreNotThoseOfOllamasConverter()
    {
        var keys = new GgufReader(GgufModels.Export(GgufModels.Of())).Keys;

        Assert.Contains("gemma3.attention.layer_norm_rms_epsilon", keys.Keys);
        string[] own =
        [
            "gemma3.mm.tokens_per_image", "gemma3.rope.global.freq_base", "gemma3.rope.local.freq_base",
            "tokenizer.ggml.add_padding_token", "tokenizer.ggml.add_unknown_token",
        ];
        Assert.Empty(own.Intersect(keys.Keys));
    }

    [Fact]
    public void AnotherChatTemplate_HasNoModelfile()
    {
        string model = GgufModels.Of(), folder = Fixtures.TemporaryFolder();
        File.WriteAllText(
            Path.Combine(model, "chat_template.jinja"), "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}");

        var error = Assert.Throws<LapidaryException>(() => GgufExporter.Export(
            model, Path.Combine(folder, "m.gguf"), new() { Modelfile = Path.Combine(folder, "Modelfile") }));
        Assert.Contains("the chat template is not Gemma's", error.Message);
        Assert.Empty(Directory.GetFiles(folder));
    }

    private static string Write(string model)
    {
        string folder = Fixtures.TemporaryFolder(), modelfile = Path.Combine(folder, "Modelfile");
        GgufExporter.Export(model, Path.Combine(folder, "m.gguf"), new() { Modelfile = modelfile });
        return File.ReadAllText(modelfile);
    }
}
