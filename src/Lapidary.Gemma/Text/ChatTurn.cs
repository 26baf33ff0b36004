using Lapidary.Formats;
using Lapidary.Gemma.Text;
using Lapidary.Jinja;

namespace Lapidary.Gemma;

/// <summary>One message of a conversation.</summary>
public sealed record ChatTurn
{
    /// <summary>Creates a message of text.</summary>
    /// <param name="role">"system", "user", "assistant", or another role that the template knows.</param>
    /// <param name="content">The text.</param>
    public ChatTurn(string role, string content)
    {
        Role = role;
        Content = content;
    }

    /// <summary>Creates a message of parts.</summary>
    public ChatTurn(string role, IReadOnlyList<ChatPart> parts)
    {
        Role = role;
        Parts = parts;
    }

    /// <summary>Creates a message with further fields, such as tool_calls, name or reasoning_content. All of them reach the
    /// template.</summary>
    /// <param name="fields">Values by name, in the order for templates that print them. "role" is a string. Values are null, bool, whole
    /// numbers, double, string, lists and dictionaries of these.</param>
    /// <exception cref="LapidaryException">"role" is missing, or a template cannot use one of the values.</exception>
    public ChatTurn(IReadOnlyDictionary<string, object?> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        Role = fields.GetValueOrDefault("role") as string ?? throw new LapidaryException("expected a string as role, found none.");
        Content = fields.GetValueOrDefault("content") as string;
        Fields = TemplateValue.From(fields);
    }

    /// <summary>The role of the speaker.</summary>
    public string Role { get; }

    /// <summary>The text; null if the message consists of <see cref="Parts"/>, or has no text outside <see cref="Fields"/>.</summary>
    public string? Content { get; }

    /// <summary>The parts; null if the message is plain text.</summary>
    public IReadOnlyList<ChatPart>? Parts { get; }

    /// <summary>The whole message as the template sees it; null if it has only role and content.</summary>
    public IReadOnlyDictionary<string, object?>? Fields { get; }

    /// <summary>False for a turn that is only context and is not trained.</summary>
    public bool IsTrained { get; init; } = true;

    /// <summary>Whether the model speaks: role "assistant", or "model", Gemma's name for it.</summary>
    public bool IsAssistant => Role is "assistant" or "model";
}

/// <summary>A part of a message.</summary>
/// <param name="Type">"text" or "image".</param>
/// <param name="Text">The text of a text part.</param>
public sealed record ChatPart(string Type, string? Text = null);

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text that the model reads, special tokens included.</param>
/// <param name="AssistantSpans">The ranges that the assistant wrote: its content and the end of its turn, for Gemma
/// "&lt;end_of_turn&gt;\n".</param>
public sealed record RenderedChat(string Text, IReadOnlyList<TextSpan> AssistantSpans);

/// <summary>A conversation as tokens.</summary>
/// <param name="Ids">Token ids, with exactly one BOS.</param>
/// <param name="AssistantMask">For each id, whether the assistant wrote one of its characters.</param>
public sealed record ChatTokens(int[] Ids, bool[] AssistantMask);
