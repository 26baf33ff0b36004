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

    /// <summary>Examples with an end-of-turn token.</summary>
    public int WithEndOfTurn { get; set; }

    /// <summary>Those whose last end-of-turn token is trained.</summary>
    public int EndOfTurnTrained { get; set; }

    /// <summary>Examples whose last token is the trained end of the text.</summary>
    public int EndOfText { get; set; }

    /// <summary>Tokens of the longest example.</summary>
    public int Longest { get; set; }

    /// <summary>Counts one more example.</summary>
    public void Add(ExampleMarks marks)
    {
        Longest = Math.Max(Longest, marks.Length);
        if (marks.Bos is not { } bos) return;
        (MinBos, MaxBos) = (Math.Min(MinBos ?? bos, bos), Math.Max(MaxBos ?? bos, bos));
        if (marks.EndOfText) EndOfText++;
        if (marks.EndOfTurn is not { } isTrained) return;
        WithEndOfTurn++;
        if (isTrained) EndOfTurnTrained++;
    }
}

/// <summary>The special tokens of one example.</summary>
/// <param name="Length">Its tokens.</param>
/// <param name="Bos">Its BOS tokens; null without a tokenizer.</param>
/// <param name="EndOfText">Whether its last token is the trained end of the text.</param>
/// <param name="EndOfTurn">Whether its last end of a turn is trained; null if it has none.</param>
internal readonly record struct ExampleMarks(int Length, int? Bos, bool EndOfText, bool? EndOfTurn)
{
    /// <summary>Finds the special tokens of an example.</summary>
    public static ExampleMarks Of(Example example, ITextEncoder? encoder)
    {
        var (ids, labels) = example;
        if (encoder is null) return new(ids.Length, null, false, null);
        int end = encoder.EndOfTurnTokenId is { } id ? Array.LastIndexOf(ids, id) : -1;
        return new(
            ids.Length, ids.AsSpan().Count(encoder.BosTokenId), labels is [.., var last] && last == encoder.EosTokenId,
            end < 0 ? null : labels[end] != Label.None);
    }
}
