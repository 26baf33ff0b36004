using Lapidary.Cli.Models;
using Lapidary.Gemma;

namespace Lapidary.Cli.Chat;

/// <summary>The conversation so far: a system message, then user and assistant in turn.</summary>
/// <param name="text">The model's tokenizer and chat template.</param>
internal sealed class Conversation(TextTools text)
{
    private readonly List<ChatTurn> _turns = [];

    /// <summary>The system message; null for none.</summary>
    public string? System { get; set; }

    /// <summary>Number of user turns.</summary>
    public int Questions => _turns.Count(turn => !turn.IsAssistant);

    /// <summary>The tokens of the conversation with a new question, up to the start of the answer.</summary>
    /// <exception cref="Formats.LapidaryException">The chat template refuses the conversation.</exception>
    public int[] Encode(string question) => text.Template.Encode(
        text.Tokenizer, [.. System is null ? Array.Empty<ChatTurn>() : [new("system", System)], .. _turns, new("user", question)],
        addGenerationPrompt: true);

    /// <summary>Adds a question and its answer.</summary>
    public void Add(string question, string answer)
    {
        _turns.Add(new ChatTurn("user", question));
        _turns.Add(new ChatTurn("assistant", answer));
    }

    /// <summary>Removes the last question and its answer.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Undo()
    {
        if (_turns.Count == 0) return false;
        _turns.RemoveRange(_turns.Count - 2, 2);
        return true;
    }

    /// <summary>Removes all turns except the system message.</summary>
    public void Reset() => _turns.Clear();
}
