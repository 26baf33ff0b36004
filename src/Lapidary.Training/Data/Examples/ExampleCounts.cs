using Lapidary.Engine;

namespace Lapidary.Training.Data.Examples;

/// <summary>What there is to say about the rows of a data set that became examples, and about those that did not.</summary>
internal sealed record ExampleCounts
{
    /// <summary>Rows longer than max_length.</summary>
    public int TruncatedRows { get; set; }

    /// <summary>The first of them, from 1; 0 where there are none.</summary>
    public int FirstTruncatedRow { get; set; }

    /// <summary>Tokens cut off them.</summary>
    public long TruncatedTokens { get; set; }

    /// <summary>Rows left out because they were empty or no trained token was left.</summary>
    public int DroppedRows { get; set; }

    /// <summary>Rows whose prompt alone has other tokens than the start of prompt and completion together, so that the border between them
    /// may be a token off.</summary>
    public int PrefixMismatches { get; set; }

    /// <summary>Rows of tokens with assistant_masks, where no option uses them.</summary>
    public int UnusedAssistantMasks { get; set; }

    /// <summary>What the chat template does not read of the rows, see <see cref="Examples.UnreadKeys"/>.</summary>
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

    /// <summary>Counts one example more.</summary>
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
/// <param name="EndOfTurn">Whether its last end of a turn is trained; null where it has none.</param>
internal readonly record struct ExampleMarks(int Length, int? Bos, bool EndOfText, bool? EndOfTurn)
{
    /// <summary>Looks for them.</summary>
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
