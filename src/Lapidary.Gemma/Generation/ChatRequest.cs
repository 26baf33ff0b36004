using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;
using Microsoft.Extensions.AI;

namespace Lapidary.Gemma.Generation;

/// <summary>A chat request in this library's terms. Options that cannot be honoured are refused, not ignored.</summary>
/// <param name="Turns">The conversation for the chat template.</param>
/// <param name="Options">Sampling and length.</param>
/// <param name="StopSequences">Texts that end the answer.</param>
internal sealed record ChatRequest(IReadOnlyList<ChatTurn> Turns, GenerationOptions Options, IReadOnlyList<string> StopSequences)
{
    /// <summary>Converts a request.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="options">The caller's options; null for none.</param>
    /// <param name="modelId">The name of the only model.</param>
    /// <param name="defaults">Values for options that the caller does not set.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <exception cref="NotSupportedException">The request needs a feature that this model does not have.</exception>
    /// <exception cref="LapidaryException">An option is out of range, or the JSON schema of the answer cannot be enforced.</exception>
    public static ChatRequest Create(
        IEnumerable<ChatMessage> messages, ChatOptions? options, string modelId, GenerationOptions defaults, Tokenizer tokenizer)
    {
        if (options is not null) Refuse(options, modelId);
        return new(
            Conversation(messages, options?.Instructions),
            Sampling(options, defaults) with { Form = Form(options?.ResponseFormat, tokenizer) },
            [.. (options?.StopSequences ?? []).Where(text => text.Length > 0)]);
    }

    private static void Refuse(ChatOptions options, string modelId)
    {
        if (options.Tools is { Count: > 0 } || options.ToolMode is RequiredChatToolMode)
            throw new NotSupportedException(
                "Tools: Gemma 3 has no tool calls of its own; leave ChatOptions.Tools empty and describe the format in the prompt.");
        if (options.FrequencyPenalty is not (null or 0))
            throw new NotSupportedException("FrequencyPenalty: not supported; leave it out or give 0.");
        if (options.PresencePenalty is not (null or 0))
            throw new NotSupportedException("PresencePenalty: not supported; leave it out or give 0.");
        if (options.ConversationId is not null)
            throw new NotSupportedException("ConversationId: no conversation is kept here; send its messages each time.");
        if (options.ModelId is { } other && other != modelId)
            throw new NotSupportedException($"ModelId: this client runs {modelId}, not {other}.");
    }

    private static TokenForm? Form(ChatResponseFormat? format, Tokenizer tokenizer) => format switch
    {
        null or ChatResponseFormatText => null,
        ChatResponseFormatJson { Schema: { } schema } => new TokenForm(Form(schema), tokenizer),
        ChatResponseFormatJson => new TokenForm(JsonForm.AnyObject, tokenizer),
        _ => throw new NotSupportedException($"ResponseFormat {format.GetType().Name}: expected text or JSON."),
    };

    private static ITextForm Form(JsonElement schema)
    {
        try
        {
            return JsonForm.Of(schema);
        }
        catch (LapidaryException e)
        {
            // GetResponseAsync of a type makes the schema, so its caller has never seen it.
            throw new LapidaryException($"ResponseFormat: {e.Message} In a C# type, make that member a string, and read it yourself.", e);
        }
    }

    /// <summary>Instructions and system messages become one system turn at the start, the only place where Gemma's template supports
    /// one.</summary>
    private static List<ChatTurn> Conversation(IEnumerable<ChatMessage> messages, string? instructions)
    {
        List<string> system = string.IsNullOrEmpty(instructions) ? [] : [instructions];
        List<ChatTurn> turns = [];
        foreach (var message in messages)
        {
            string text = TextOf(message);
            if (message.Role == ChatRole.System) system.Add(text);
            else if (message.Role == ChatRole.User || message.Role == ChatRole.Assistant) turns.Add(new(message.Role.Value, text));
            else throw new NotSupportedException($"Message role {message.Role}: expected system, user or assistant.");
        }

        if (turns.Count == 0) throw new LapidaryException("The conversation has no user message; give at least one.");
        if (system.Count > 0) turns.Insert(0, new("system", string.Join("\n\n", system)));
        return turns;
    }

    private static string TextOf(ChatMessage message)
    {
        foreach (var content in message.Contents)
        {
            if (content is DataContent or UriContent)
                throw new NotSupportedException("Images and other media: only the text part of Gemma runs here; send text.");
            if (content is not TextContent)
                throw new NotSupportedException($"Message content {content.GetType().Name}: only text is supported.");
        }

        return message.Text;
    }

    /// <summary>A sampling option turns sampling on.</summary>
    private static GenerationOptions Sampling(ChatOptions? options, GenerationOptions defaults)
    {
        if (options is null) return defaults;
        bool asked = options.Temperature is not null || options.TopP is not null || options.TopK is not null;
        var result = defaults with
        {
            MaxNewTokens = options.MaxOutputTokens ?? defaults.MaxNewTokens,
            DoSample = asked || defaults.DoSample,
            Temperature = options.Temperature ?? defaults.Temperature,
            TopP = options.TopP ?? defaults.TopP,
            TopK = options.TopK ?? defaults.TopK,
            Seed = options.Seed ?? defaults.Seed,
        };
        result.Validate();
        return result;
    }
}
