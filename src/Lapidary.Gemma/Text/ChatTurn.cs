using Lapidary.Formats;
using Lapidary.Gemma.Text;
using Lapidary.Jinja;

namespace Lapidary.Gemma;

/// <summary>One message of a conversation.</summary>
public sealed record ChatTurn
{
    /// <summary>A message of text.</summary>
    /// <param name="role">"system", "user", "assistant", or what else the template knows.</param>
    /// <param name="content">The text.</param>
    public ChatTurn(string role, string content)
    {
        Role = role;
        Content = content;
    }

    /// <summary>A message of parts.</summary>
    public ChatTurn(string role, IReadOnlyList<ChatPart> parts)
    {
        Role = role;
        Parts = parts;
    }

    /// <summary>A message with fields of its own, such as tool_calls, name or reasoning_content: all of them reach the template.</summary>
    /// <param name="fields">By name, in the order in which a template that prints them shall find them. "role" is a string. Values are
    /// null, bool, whole numbers, double, string, lists and dictionaries of these.</param>
    /// <exception cref="LapidaryException">There is no role, or a value is none that a template knows.</exception>
    public ChatTurn(IReadOnlyDictionary<string, object?> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        Role = fields.GetValueOrDefault("role") as string ?? throw new LapidaryException("expected a string as role, found none.");
        Content = fields.GetValueOrDefault("content") as string;
        Fields = TemplateValue.From(fields);
    }

    /// <summary>Who speaks.</summary>
    public string Role { get; }

    /// <summary>The text, or null if the message is made of <see cref="Parts"/> or has none, which is in <see cref="Fields"/>.</summary>
    public string? Content { get; }

    /// <summary>The parts, or null if the message is plain text.</summary>
    public IReadOnlyList<ChatPart>? Parts { get; }

    /// <summary>The whole message as the template sees it; null where it is role and content alone.</summary>
    public IReadOnlyDictionary<string, object?>? Fields { get; }

    /// <summary>False for a turn that is context only: nothing of it is learned.</summary>
    public bool IsTrained { get; init; } = true;

    /// <summary>Whether the model speaks: "assistant", or "model" as Gemma itself calls it.</summary>
    public bool IsAssistant => Role is "assistant" or "model";
}

/// <summary>A part of a message.</summary>
/// <param name="Type">"text" or "image".</param>
/// <param name="Text">The text of a text part.</param>
public sealed record ChatPart(string Type, string? Text = null);

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text that the model reads, special tokens included.</param>
/// <param name="AssistantSpans">The ranges that the assistant wrote: its content and what ends its turn, for Gemma
/// "&lt;end_of_turn&gt;\n".</param>
public sealed record RenderedChat(string Text, IReadOnlyList<TextSpan> AssistantSpans);

/// <summary>A conversation in tokens.</summary>
/// <param name="Ids">Token ids, with exactly one BOS.</param>
/// <param name="AssistantMask">For each id, whether it has a character that the assistant wrote.</param>
public sealed record ChatTokens(int[] Ids, bool[] AssistantMask);
