using Lapidary.Engine;

namespace Lapidary.Training.Data.Examples;

/// <summary>Counts for a data set's rows that became examples, and for those that did not.</summary>
internal sealed record ExampleCounts
{
    /// <summary>Rows longer than max_length.</summary>
    public int TruncatedRows { get; set; }

    /// <summary>The first of them, from 1; 0 if there are none.</summary>
    public int FirstTruncatedRow { get; set; }

    /// <summary>Tokens cut off them.</summary>
    public long TruncatedTokens { get; set; }

    /// <summary>Rows left out because they were empty or had no trained token.</summary>
    public int DroppedRows { get; set; }

    /// <summary>Rows whose prompt, tokenized alone, differs from the start of prompt and completion together, so that the border may be off
    /// by a token.</summary>
    public int PrefixMismatches { get; set; }

    /// <summary>Rows of tokens with assistant_masks that no option uses.</summary>
    public int UnusedAssistantMasks { get; set; }

    /// <summary>Keys of the rows that the chat template does not read; see <see cref="Examples.UnreadKeys"/>.</summary>
    public IReadOnlyList<string> UnreadKeys { get; set; } = [];

    /// <summary>Fewest BOS tokens in an example; null without a tokenizer or examples.</summary>
    public int? MinBos { get; set; }

    /// <summary>Most BOS tokens in an example; null without a tokenizer or examples.</summary>
    public int? MaxBos { get; set; }

    /// <summary>Examples with an end-of-turn token, or that had one before they were cut.</summary>
    public int WithEndOfTurn { get; set; }

    /// <summary>Those that still have their last end-of-turn token, and train it.</summary>
    public int EndOfTurnTrained { get; set; }

    /// <summary>Examples whose last token is the trained end of the text.</summary>
    public int EndOfText { get; set; }

    /// <summary>Examples that would train the end of an answer or text if they were not cut.</summary>
    public int LostEnds { get; set; }

    /// <summary>Tokens of the longest example.</summary>
    public int Longest { get; set; }

    /// <summary>Counts one more example.</summary>
    public void Add(ExampleMarks marks)
    {
        Longest = Math.Max(Longest, marks.Length);
        if (marks.Bos is not { } bos) return;
        (MinBos, MaxBos) = (Math.Min(MinBos ?? bos, bos), Math.Max(MaxBos ?? bos, bos));
        if (marks.EndOfText) EndOfText++;
        if (marks.LostEnd) LostEnds++;
        if (marks.EndOfTurn is not { } isTrained) return;
        WithEndOfTurn++;
        if (isTrained) EndOfTurnTrained++;
    }
}

/// <summary>The special tokens of one example.</summary>
/// <param name="Length">Its tokens.</param>
/// <param name="Bos">Its BOS tokens; null without a tokenizer.</param>
/// <param name="EndOfText">Whether its last token is the trained end of the text.</param>
/// <param name="EndOfTurn">Whether the last end of a turn is still there and trained; null if the example never had one.</param>
/// <param name="LostEnd">Whether the end of a turn or text would be trained if the example were not cut.</param>
internal readonly record struct ExampleMarks(int Length, int? Bos, bool EndOfText, bool? EndOfTurn, bool LostEnd)
{
    /// <summary>Finds the special tokens of an example.</summary>
    /// <param name="whole">The example before it was cut.</param>
    /// <param name="length">Tokens that are left of it.</param>
    /// <param name="encoder">The tokenizer, or null.</param>
    public static ExampleMarks Of(Example whole, int length, ITextEncoder? encoder)
    {
        var (ids, labels) = whole;
        if (encoder is null) return new(length, null, false, null, false);
        int end = encoder.EndOfTurnTokenId is { } id ? Array.LastIndexOf(ids, id) : -1;
        bool trainsTurn = end >= 0 && labels[end] != Label.None;
        bool trainsText = labels is [.., var last] && last == encoder.EosTokenId;
        return new(
            length, ids.AsSpan(0, length).Count(encoder.BosTokenId),
            length > 0 && labels[length - 1] == encoder.EosTokenId,
            end < 0 ? null : trainsTurn && end < length,
            (trainsTurn && end >= length) || (trainsText && length < ids.Length));
    }
}
