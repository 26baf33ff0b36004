using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>The interface of data preparation to a tokenizer and its chat template. Implementations are thread-safe.</summary>
public interface ITextEncoder
{
    /// <summary>Id that starts every sequence.</summary>
    int BosTokenId { get; }

    /// <summary>Whether texts begin with it when special tokens are added.</summary>
    bool AddsBos => true;

    /// <summary>Id that ends a text.</summary>
    int EosTokenId { get; }

    /// <summary>Text of <see cref="EosTokenId"/>, such as "&lt;eos&gt;".</summary>
    string EosToken { get; }

    /// <summary>Id that ends a turn of a conversation, such as &lt;end_of_turn&gt;; null if the tokenizer has none.</summary>
    int? EndOfTurnTokenId { get; }

    /// <summary>The ids of a text, which may contain the text of special tokens; no token is added.</summary>
    int[] Encode(string text);

    /// <summary>The ids of a conversation rendered by the chat template, with exactly one BOS.</summary>
    /// <param name="messages">The turns.</param>
    /// <param name="addGenerationPrompt">True ends with the header of the model's next turn.</param>
    /// <param name="variables">Further variables of the template, such as tools; null for none.</param>
    int[] EncodeChat(
        IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, object?>? variables = null);

    /// <summary>The ids of a whole conversation, and for each whether it is trained: all of them or the assistant's, without the turns that
    /// are not trained.</summary>
    (int[] Ids, bool[] TrainedMask) EncodeChatWithMask(
        IReadOnlyList<ChatTurn> messages, bool assistantOnly, IReadOnlyDictionary<string, object?>? variables = null);

    /// <summary>Whether the chat template may read a key of a message or a row, such as tool_calls; false if it certainly does
    /// not.</summary>
    bool Reads(string key) => true;

    /// <summary>Identifies the tokenizer and template: one that would produce other tokens has another value. Null if unknown; tokens are
    /// then not stored for later runs.</summary>
    string? Identity => null;

    /// <summary>The text of one token, for people.</summary>
    string TokenText(int id);

    /// <summary>Writes the files of tokenizer and chat template for an adapter that was trained with them.</summary>
    /// <param name="folder">An existing folder.</param>
    void Save(string folder)
    {
    }
}
