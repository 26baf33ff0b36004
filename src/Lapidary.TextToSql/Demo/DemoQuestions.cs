using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Formats.Files;
using Lapidary.Gemma;

namespace Lapidary.TextToSql.Demo;

/// <summary>Asks a model questions, one at a time, taking the likeliest token each time.</summary>
internal sealed class DemoQuestions : IDisposable
{
    /// <summary>More than the longest query needs.</summary>
    public const int MaxNewTokens = 48;

    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly TextGenerator _generator;
    private readonly GenerationOptions _options;

    public DemoQuestions(GemmaModel model)
    {
        (_tokenizer, _template) = (Tokenizer.Load(model.Folder), ChatTemplate.Load(model.Folder));
        _generator = new TextGenerator(model);
        var makers = GenerationOptions.From(GenerationConfig.Load(model.Folder, model.Config), _tokenizer);
        _options = makers with { MaxNewTokens = MaxNewTokens, DoSample = false };
    }

    /// <summary>The answer's text, trimmed.</summary>
    public string Ask(ChatTurn question, CancellationToken cancellationToken)
    {
        int[] prompt = _template.Encode(_tokenizer, [question], addGenerationPrompt: true);
        int[] ids = [.. _generator.Generate(prompt, _options, cancellationToken)];
        cancellationToken.ThrowIfCancellationRequested();
        return _tokenizer.Decode(ids, skipSpecialTokens: true).Trim();
    }

    /// <summary>Writes a question as a list of messages.</summary>
    public static void Write(string path, ChatTurn question) => AtomicFile.WriteStream(path, stream =>
    {
        var layout = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true };
        using var json = new Utf8JsonWriter(stream, layout);
        json.WriteStartArray();
        json.WriteStartObject();
        json.WriteString("role", question.Role);
        json.WriteString("content", question.Content);
        json.WriteEndObject();
        json.WriteEndArray();
    });

    /// <inheritdoc/>
    public void Dispose() => _generator.Dispose();
}
