using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Gemma.Text;

namespace Lapidary.Gemma.Export;

/// <summary>Ollama's Modelfile for a GGUF file. Its TEMPLATE is in Go's language, so it is written for Gemma's form of a conversation, or
/// for plain text, and only where the model has that form.</summary>
internal static class Modelfile
{
    /// <summary>Tokens of context that Ollama reserves memory for; a user can raise the number up to the model's.</summary>
    private const int Context = 8192;

    // No <bos>: the tokenizer adds it. The system text stands before the first question, as in Gemma's own template. A last turn that is
    // the assistant's stays open, so that the model goes on with it. Go's templates cannot trim contents, as Gemma's template does.
    // .Messages, not .Prompt and .Response: with those, Ollama loses the question before an empty answer.
    private const string Conversation = """
        {{- $system := .System }}{{ $open := false }}
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
        {{ end }}
        """;

    private const string Plain = "{{ .Prompt }}{{ .Response }}";

    /// <summary>The file's text.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="gguf">The GGUF file.</param>
    /// <param name="path">The Modelfile, to whose folder FROM is relative.</param>
    /// <exception cref="LapidaryException">The model's chat template has another form than Gemma's.</exception>
    public static string Text(string folder, GemmaConfig config, Tokenizer tokenizer, string gguf, string path)
    {
        bool isChat = PromptKind.IsChat(folder) ?? ChatTemplate.TextOf(folder) is not null;
        if (isChat) RequireGemmaForm(folder);
        var makers = GenerationConfig.Load(folder, config);
        var text = new StringBuilder();
        string from = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(path))!, Path.GetFullPath(gguf)).Replace('\\', '/');
        Line($"FROM {(from.StartsWith('.') || Path.IsPathRooted(from) ? from : "./" + from)}");
        text.Append("TEMPLATE \"\"\"").Append(isChat ? Conversation : Plain).Append("\"\"\"\n");
        foreach (int id in makers.StopTokenIds(tokenizer))
            if (tokenizer.Token(id) is { } stop) Line($"PARAMETER stop \"{stop}\"");
        Line($"PARAMETER num_ctx {Math.Min(Context, config.MaxPositionEmbeddings)}");
        if (makers.DoSample)
        {
            Line($"PARAMETER temperature {makers.Temperature}");
            Line($"PARAMETER top_k {makers.TopK}");
            Line($"PARAMETER top_p {makers.TopP}");
        }
        else
        {
            Line($"PARAMETER temperature 0");
        }

        Line($"PARAMETER repeat_penalty {makers.RepetitionPenalty}"); // earlier versions of Ollama take 1.1 where a file does not say
        if (makers.RepetitionPenalty != 1) Line($"PARAMETER repeat_last_n -1"); // all tokens, as in transformers
        return text.ToString();

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    /// <summary>Compares what the model's template makes of a conversation with what Ollama will send.</summary>
    private static void RequireGemmaForm(string folder)
    {
        ChatTurn[] turns = [new("system", "s"), new("user", "a"), new("assistant", "b"), new("user", "c")];
        const string Expected = "<start_of_turn>user\ns\n\na<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n"
            + "<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n";
        string found;
        try
        {
            found = ChatTemplate.Load(folder).Render(turns, addGenerationPrompt: true);
        }
        catch (LapidaryException e)
        {
            throw Other(e.Message);
        }

        if (found.StartsWith(GemmaChatTemplate.BosToken, StringComparison.Ordinal)) found = found[GemmaChatTemplate.BosToken.Length..];
        if (found != Expected) throw Other("it writes another form");

        LapidaryException Other(string why) => new(
            $"{folder}: the chat template is not Gemma's ({why}), and the Modelfile's TEMPLATE would differ from it; leave Modelfile out, "
            + "and write one by hand.");
    }
}
