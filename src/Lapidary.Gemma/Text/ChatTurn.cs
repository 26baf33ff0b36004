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

    /// <summary>Who speaks.</summary>
    public string Role { get; }

    /// <summary>The text, or null if the message is made of <see cref="Parts"/>.</summary>
    public string? Content { get; }

    /// <summary>The parts, or null if the message is plain text.</summary>
    public IReadOnlyList<ChatPart>? Parts { get; }

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
