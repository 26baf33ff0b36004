using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;
using Lapidary.Hub;
using Lapidary.Jinja;

namespace Lapidary.Gemma;

/// <summary>A chat template: the Jinja text that comes with a model and turns a conversation into the model's input. It is rendered as in
/// Hugging Face (trim_blocks, lstrip_blocks, raise_exception, generation blocks) by a small interpreter with fixed limits, because the
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
            throw new LapidaryException($"{name}, line {error.Line}: {error.Message}", error);
        }
    }

    /// <summary>The Jinja text.</summary>
    public string Text { get; }

    /// <summary>Identifies the template: another template that renders another text has another value.</summary>
    internal string Identity => string.Join('\n', _specialTokens.Select(token => $"{token.Key}={token.Value}").Prepend(Text));

    /// <summary>Reads the template of a model folder: chat_template.jinja, or "chat_template" of tokenizer_config.json or
    /// chat_template.json. A Gemma folder without a template gets <see cref="GemmaChatTemplate.Text"/>.</summary>
    /// <param name="folderOrId">A folder, or a Hub id, whose tokenizer and template are fetched if not cached.</param>
    /// <param name="hub">The client that fetches them; null for one configured by the environment.</param>
    /// <exception cref="LapidaryException">The folder has no template, the template uses unsupported syntax (named in the message), or the
    /// Hub refused.</exception>
    public static ChatTemplate Load(string folderOrId, HubClient? hub = null)
    {
        string folder = ModelSource.Find(folderOrId, HubFiles.Tokenizer, hub).Folder;
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

    /// <summary>The text that <see cref="Load"/> would parse; null if there is none.</summary>
    internal static string? TextOf(string folder)
    {
        var config = TokenizerConfig.Read(folder);
        return config.Template?.Text ?? (config.IsGemma ? GemmaChatTemplate.Text : null);
    }

    /// <summary>Parses a template.</summary>
    /// <param name="text">Jinja text.</param>
    /// <param name="specialTokens">Variables such as "bos_token" and their values.</param>
    /// <exception cref="LapidaryException">The template uses unsupported syntax (named in the message, with its line).</exception>
    public static ChatTemplate Parse(string text, IReadOnlyDictionary<string, string> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(specialTokens);
        return new ChatTemplate(text, specialTokens, "chat template");
    }

    /// <summary>Whether the template may read a key of a message or a variable: it contains the key, or an expression that reads all
    /// keys.</summary>
    internal bool Reads(string key) =>
        new[] { key, "items", "tojson", "dictsort" }.Any(word => Text.Contains(word, StringComparison.Ordinal));

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">At least one message.</param>
    /// <param name="addGenerationPrompt">Whether to end with the start of an assistant turn.</param>
    /// <param name="variables">Further variables of the template, such as "tools", "documents" or "enable_thinking"; values as in
    /// <see cref="ChatTurn.Fields"/>.</param>
    /// <exception cref="LapidaryException">The conversation is empty, the template refuses it (raise_exception), or the template fails; the
    /// message names the failing conversation message.</exception>
    public string Render(
        IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, object?>? variables = null) =>
        new Conversation(this, messages, variables).Render(addGenerationPrompt).Text;

    /// <summary>Renders a conversation and finds the assistant's text: by the template's generation blocks, or, without them, by the output
    /// of its loop over the messages.</summary>
    /// <exception cref="LapidaryException">See <see cref="Render"/>; or rendering is not prefix-stable, so that the spans are
    /// unknown.</exception>
    public RenderedChat RenderWithAssistantSpans(
        IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables = null)
    {
        var (text, spans) = new Conversation(this, messages, variables).RenderWithSpans();
        return new RenderedChat(text, spans.Assistant());
    }

    /// <summary>Token ids of a conversation with exactly one BOS: the template's, or the tokenizer's if the template writes none.</summary>
    /// <inheritdoc cref="Render"/>
    public int[] Encode(
        Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt,
        IReadOnlyDictionary<string, object?>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return tokenizer.EncodePrompt(Render(messages, addGenerationPrompt, variables));
    }

    /// <summary>Token ids of a conversation with exactly one BOS, and which of them the assistant wrote, for a loss on only the assistant's
    /// text.</summary>
    /// <inheritdoc cref="RenderWithAssistantSpans"/>
    public ChatTokens EncodeWithAssistantMask(
        Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables = null)
    {
        var (ids, tokens, spans) = EncodeWithSpans(tokenizer, messages, variables);
        bool[] mask = new bool[ids.Length];
        Mark(mask, tokens, spans.Assistant(), value: true);
        return new ChatTokens(ids, mask);
    }

    /// <summary>Token ids of a conversation with exactly one BOS, and which of them are trained: all of them or the assistant's, without
    /// the turns that are not trained (<see cref="ChatTurn.IsTrained"/>).</summary>
    /// <inheritdoc cref="RenderWithAssistantSpans"/>
    public (int[] Ids, bool[] TrainedMask) EncodeWithTrainedMask(
        Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages, bool assistantOnly, IReadOnlyDictionary<string, object?>? variables = null)
    {
        var (ids, tokens, spans) = EncodeWithSpans(tokenizer, messages, variables);
        bool[] mask = new bool[ids.Length];
        if (assistantOnly) Mark(mask, tokens, spans.Assistant(), value: true);
        else Array.Fill(mask, true);
        Mark(mask, tokens, spans.Untrained(), value: false);
        return (ids, mask);
    }

    private (int[] Ids, TextSpan[] Tokens, TurnSpans Spans) EncodeWithSpans(
        Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var (text, spans) = new Conversation(this, messages, variables).RenderWithSpans();
        var (ids, tokens) = tokenizer.EncodePromptWithOffsets(text);
        return (ids, tokens, spans);
    }

    /// <summary>Sets the mask for all tokens with a character in one of the ranges, which are sorted.</summary>
    private static void Mark(bool[] mask, TextSpan[] tokens, IReadOnlyList<TextSpan> spans, bool value)
    {
        int next = 0;
        for (int i = 0; i < mask.Length; i++)
        {
            while (next < spans.Count && spans[next].End <= tokens[i].Start) next++;
            if (next < spans.Count && tokens[i].End > spans[next].Start && tokens[i].End > tokens[i].Start) mask[i] = value;
        }
    }

    /// <summary>One conversation as the template sees it.</summary>
    private sealed class Conversation
    {
        private readonly ChatTemplate _owner;
        private readonly IReadOnlyList<ChatTurn> _messages;
        private readonly List<object?> _values;
        private readonly Dictionary<string, object?>? _variables;

        public Conversation(ChatTemplate owner, IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables)
        {
            ArgumentNullException.ThrowIfNull(messages);
            if (messages.Count == 0)
                throw new LapidaryException("Cannot apply chat template to an empty conversation. Provide at least one message.");
            (_owner, _messages) = (owner, messages);
            _values = new List<object?>(messages.Count);
            foreach (var message in messages) _values.Add(ToValue(message));
            _variables = variables is null ? null : TemplateValue.From(variables);
        }

        public RenderedText Render(bool addGenerationPrompt) => Render(_values, addGenerationPrompt);

        public (string Text, TurnSpans Spans) RenderWithSpans()
        {
            var whole = Render(addGenerationPrompt: false);
            return (whole.Text, new TurnSpans(_owner._name, _messages, _values, whole,
                (count, open) => Render(_values.GetRange(0, count), open).Text));
        }

        private RenderedText Render(List<object?> values, bool addGenerationPrompt)
        {
            try
            {
                return RenderValues(values, addGenerationPrompt);
            }
            catch (JinjaException error)
            {
                int? index = error.IsLimit ? null : FailingMessage(values, addGenerationPrompt);
                string message = index is { } i ? $"message {i + 1}, role \"{FileErrors.OneLine(_messages[i].Role)}\": " : "";
                throw new ChatTemplateException($"{_owner._name}, line {error.Line}", message, index, error);
            }
        }

        private RenderedText RenderValues(List<object?> values, bool addGenerationPrompt)
        {
            var variables = new Dictionary<string, object?>(_owner._specialTokens, StringComparer.Ordinal)
            {
                ["messages"] = values,
                ["add_generation_prompt"] = addGenerationPrompt,
                ["tools"] = null,
                ["documents"] = null,
            };
            if (_variables is not null)
            {
                foreach (var (name, value) in _variables) variables[name] = value;
            }

            return _owner._template.Render(variables);
        }

        /// <summary>The index of the message at which the template fails, found by bisection: the shortest prefix of the conversation that
        /// fails. Null if even a plain user message fails.</summary>
        private int? FailingMessage(List<object?> values, bool addGenerationPrompt)
        {
            int renders = 0, fails = values.Count;
            while (fails - renders > 1)
            {
                int middle = (renders + fails) / 2;
                if (Renders(values.GetRange(0, middle), addGenerationPrompt)) renders = middle;
                else fails = middle;
            }

            bool isMessage = renders > 0 || Renders([ToValue(new ChatTurn("user", "x"))], addGenerationPrompt);
            return isMessage ? fails - 1 : null;
        }

        private bool Renders(List<object?> values, bool addGenerationPrompt)
        {
            try
            {
                RenderValues(values, addGenerationPrompt);
                return true;
            }
            catch (JinjaException)
            {
                return false;
            }
        }

        private static Dictionary<string, object?> ToValue(ChatTurn message) =>
            message.Fields as Dictionary<string, object?> ?? new(StringComparer.Ordinal)
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
    }
}
