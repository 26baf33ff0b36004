using Lapidary.Cli.Models;
using Lapidary.Gemma;

namespace Lapidary.Cli.Chat;

/// <summary>What was said so far: a system message, then user and assistant in turn.</summary>
/// <param name="text">The model's tokenizer and chat template.</param>
internal sealed class Conversation(TextTools text)
{
    private readonly List<ChatTurn> _turns = [];

    /// <summary>What the model is told before everything else; null for nothing.</summary>
    public string? System { get; set; }

    /// <summary>Turns of the user.</summary>
    public int Questions => _turns.Count(turn => !turn.IsAssistant);

    /// <summary>The tokens that a question would make of it, up to where the answer begins.</summary>
    /// <exception cref="Formats.LapidaryException">The chat template refuses it.</exception>
    public int[] Encode(string question) => text.Template.Encode(
        text.Tokenizer, [.. System is null ? Array.Empty<ChatTurn>() : [new("system", System)], .. _turns, new("user", question)],
        addGenerationPrompt: true);

    /// <summary>Keeps a question and its answer.</summary>
    public void Add(string question, string answer)
    {
        _turns.Add(new ChatTurn("user", question));
        _turns.Add(new ChatTurn("assistant", answer));
    }

    /// <summary>Takes the last question and its answer back.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Undo()
    {
        if (_turns.Count == 0) return false;
        _turns.RemoveRange(_turns.Count - 2, 2);
        return true;
    }

    /// <summary>Forgets all turns, but not the system message.</summary>
    public void Reset() => _turns.Clear();
}
