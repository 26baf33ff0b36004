using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>What data preparation needs of a tokenizer and its chat template. Implementations are safe to call from several
/// threads.</summary>
public interface ITextEncoder
{
    /// <summary>Id that starts every sequence.</summary>
    int BosTokenId { get; }

    /// <summary>Whether texts begin with it, where special tokens are added.</summary>
    bool AddsBos => true;

    /// <summary>Id that ends a text.</summary>
    int EosTokenId { get; }

    /// <summary>Text of <see cref="EosTokenId"/>, such as "&lt;eos&gt;".</summary>
    string EosToken { get; }

    /// <summary>Id that ends a turn of a conversation, such as &lt;end_of_turn&gt;; null if there is none.</summary>
    int? EndOfTurnTokenId { get; }

    /// <summary>The ids of a text in which special tokens may be written out; nothing is added.</summary>
    int[] Encode(string text);

    /// <summary>A conversation's ids through the chat template, with exactly one BOS.</summary>
    /// <param name="messages">The turns.</param>
    /// <param name="addGenerationPrompt">True ends with the header of the model's next turn.</param>
    /// <param name="variables">What else the template is told, such as tools; null for nothing.</param>
    int[] EncodeChat(
        IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, object?>? variables = null);

    /// <summary>A whole conversation's ids, and for each whether its prediction is to be learned: all of them or the assistant's, without
    /// the turns that are not trained.</summary>
    (int[] Ids, bool[] TrainedMask) EncodeChatWithMask(
        IReadOnlyList<ChatTurn> messages, bool assistantOnly, IReadOnlyDictionary<string, object?>? variables = null);

    /// <summary>Whether the chat template may read a key of a message or a row, such as tool_calls; false where it surely does
    /// not.</summary>
    bool Reads(string key) => true;

    /// <summary>Tells this tokenizer and template from any other that would make other tokens; null where that is not known, and tokens are
    /// then not kept for later runs.</summary>
    string? Identity => null;

    /// <summary>The text of one token, for people.</summary>
    string TokenText(int id);

    /// <summary>Writes the files of tokenizer and chat template beside an adapter that was trained with them.</summary>
    /// <param name="folder">An existing folder.</param>
    void Save(string folder)
    {
    }
}
