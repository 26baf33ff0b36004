using Lapidary.Formats;
using Lapidary.Gemma.Text;
using Lapidary.Jinja;

namespace Lapidary.Gemma;

/// <summary>A chat template: the Jinja text that comes with a model and turns a conversation into what the model reads. It is rendered as
/// Hugging Face does (trim_blocks, lstrip_blocks, raise_exception, generation blocks) by a small interpreter with fixed limits, because the
/// template of a downloaded model is untrusted. Immutable and thread-safe.</summary>
public sealed class ChatTemplate
{
    /// <summary>Longest template in characters; real ones stay under 20,000.</summary>
    private const int MaxTemplateLength = 1 << 20;

    private readonly string _name;
    private readonly Template _template;
    private readonly KeyValuePair<string, object?>[] _specialTokens;

    private ChatTemplate(string text, IReadOnlyDictionary<string, string> specialTokens, string name)
    {
        _name = name;
        Text = text;
        _specialTokens = [.. specialTokens.Select(token => KeyValuePair.Create(token.Key, (object?)token.Value))];
        if (text.Length > MaxTemplateLength)
            throw new LapidaryException($"{name}: has {text.Length} characters, expected at most {MaxTemplateLength}.");
        try
        {
            _template = Template.Parse(text);
        }
        catch (JinjaException error)
        {
            throw new LapidaryException($"{name}, line {error.Line}: {OneLine(error.Message)}", error);
        }
    }

    /// <summary>The Jinja text.</summary>
    public string Text { get; }

    /// <summary>Reads the template of a model folder: chat_template.jinja, or "chat_template" of tokenizer_config.json or
    /// chat_template.json. A Gemma folder without one gets <see cref="GemmaChatTemplate.Text"/>.</summary>
    /// <exception cref="LapidaryException">No template is there, or it uses syntax that is not supported (named in the
    /// message).</exception>
    public static ChatTemplate Load(string folder)
    {
        var config = TokenizerConfig.Read(folder);
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string name in (ReadOnlySpan<string>)["bos_token", "eos_token", "pad_token", "unk_token"])
        {
            if (config[name] is { } token) tokens[name] = token;
        }

        config.RequireOneTemplate();
        if (config.Template is { } template) return new ChatTemplate(template.Text, tokens, $"{template.Path}: chat template");
        if (!config.IsGemma)
        {
            throw new LapidaryException(
                $"{folder}: has no chat template; put the model's chat_template.jinja or its tokenizer_config.json there.");
        }

        tokens.TryAdd("bos_token", GemmaChatTemplate.BosToken);
        return new ChatTemplate(GemmaChatTemplate.Text, tokens, "built-in Gemma chat template");
    }

    /// <summary>The text that <see cref="Load"/> would parse, or null where it finds none.</summary>
    internal static string? TextOf(string folder)
    {
        var config = TokenizerConfig.Read(folder);
        return config.Template?.Text ?? (config.IsGemma ? GemmaChatTemplate.Text : null);
    }

    /// <summary>Parses a template.</summary>
    /// <param name="text">Jinja text.</param>
    /// <param name="specialTokens">Variables such as "bos_token" and their values.</param>
    /// <exception cref="LapidaryException">The template uses syntax that is not supported (named in the message, with its
    /// line).</exception>
    public static ChatTemplate Parse(string text, IReadOnlyDictionary<string, string> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(specialTokens);
        return new ChatTemplate(text, specialTokens, "chat template");
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">At least one message.</param>
    /// <param name="addGenerationPrompt">Whether to end with the opening of an assistant turn.</param>
    /// <exception cref="LapidaryException">The conversation is empty, the template refuses it (raise_exception), or the template
    /// fails.</exception>
    public string Render(IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt) => RenderMarked(messages, addGenerationPrompt).Text;

    /// <summary>Renders a conversation and finds what the assistant wrote: by the template's generation blocks, or, where it has none, by
    /// rendering the conversation up to each assistant turn.</summary>
    /// <exception cref="LapidaryException">As for <see cref="Render"/>; or rendering is not prefix-stable, so that the spans are not
    /// known.</exception>
    public RenderedChat RenderWithAssistantSpans(IReadOnlyList<ChatTurn> messages)
    {
        var (text, generations) = RenderMarked(messages, addGenerationPrompt: false);
        if (generations.Count > 0) return new RenderedChat(text, generations);
        var spans = new List<TextSpan>();
        for (int i = 0; i < messages.Count; i++)
        {
            if (!messages[i].IsAssistant) continue;
            if (i == 0)
            {
                throw new LapidaryException(
                    $"{_name}: the conversation begins with the assistant, so its part cannot be told from the text; "
                    + "begin with a user message.");
            }

            string before = Render([.. messages.Take(i)], addGenerationPrompt: true);
            string through = Render([.. messages.Take(i + 1)], addGenerationPrompt: false);
            if (!through.StartsWith(before, StringComparison.Ordinal) || !text.StartsWith(through, StringComparison.Ordinal))
            {
                throw new LapidaryException(
                    $"{_name}: message {i + 1} changes the text before it, so the assistant's part cannot be found; mark it in the "
                    + "template with {% generation %} and {% endgeneration %}.");
            }

            spans.Add(new TextSpan(before.Length, through.Length));
        }

        return new RenderedChat(text, spans);
    }

    /// <summary>Token ids of a conversation with exactly one BOS: the template's own, or the tokenizer's where the template has
    /// none.</summary>
    /// <inheritdoc cref="Render"/>
    public int[] Encode(Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        string text = Render(messages, addGenerationPrompt);
        return tokenizer.EncodePrompt(text);
    }

    /// <summary>Token ids of a conversation with exactly one BOS, and which of them the assistant wrote, for a loss on the assistant
    /// only.</summary>
    /// <inheritdoc cref="RenderWithAssistantSpans"/>
    public ChatTokens EncodeWithAssistantMask(Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var chat = RenderWithAssistantSpans(messages);
        var (ids, spans) = tokenizer.EncodePromptWithOffsets(chat.Text);
        bool[] mask = new bool[ids.Length];
        int next = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            while (next < chat.AssistantSpans.Count && chat.AssistantSpans[next].End <= spans[i].Start) next++;
            mask[i] = next < chat.AssistantSpans.Count && spans[i].End > chat.AssistantSpans[next].Start && spans[i].End > spans[i].Start;
        }

        return new ChatTokens(ids, mask);
    }

    private RenderedText RenderMarked(IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (messages.Count == 0)
            throw new LapidaryException("Cannot apply chat template to an empty conversation. Provide at least one message.");
        var list = new List<object?>(messages.Count);
        foreach (var message in messages) list.Add(ToValue(message));
        KeyValuePair<string, object?>[] variables =
        [
            .. _specialTokens,
            new("messages", list),
            new("add_generation_prompt", addGenerationPrompt),
            new("tools", null),
            new("documents", null),
        ];
        try
        {
            return _template.Render(variables);
        }
        catch (JinjaException error)
        {
            throw new LapidaryException($"{_name}, line {error.Line}: {OneLine(error.Message)}", error);
        }
    }

    private static Dictionary<string, object?> ToValue(ChatTurn message) => new(StringComparer.Ordinal)
    {
        ["role"] = message.Role,
        ["content"] = message.Parts is null ? message.Content : message.Parts.Select(ToValue).ToList(),
    };

    private static object? ToValue(ChatPart part)
    {
        var value = new Dictionary<string, object?>(StringComparer.Ordinal) { ["type"] = part.Type };
        if (part.Text is not null) value["text"] = part.Text;
        return value;
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ");
}
