using Lapidary.Formats;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training;

/// <summary>A summary of the training data, shown before training starts, because wrong labels cause no error later.</summary>
public sealed record LabelReport
{
    /// <summary>Examples, without dropped rows.</summary>
    public required int Examples { get; init; }

    /// <summary>Sequences that they are packed into.</summary>
    public required int Sequences { get; init; }

    /// <summary>Tokens of all sequences.</summary>
    public required long Tokens { get; init; }

    /// <summary>Tokens whose prediction is trained.</summary>
    public required long TrainedTokens { get; init; }

    /// <summary>Examples longer than max_length.</summary>
    public required int TruncatedRows { get; init; }

    /// <summary>The first of them, by its number in the data set, counted from 1; 0 if there are none.</summary>
    public int FirstTruncatedRow { get; init; }

    /// <summary>Tokens cut off them.</summary>
    public required long TruncatedTokens { get; init; }

    /// <summary>Rows left out: empty, or without a trained token.</summary>
    public required int DroppedRows { get; init; }

    /// <summary>Rows whose prompt, tokenized alone, differs from the start of prompt and completion together.</summary>
    public required int PrefixMismatches { get; init; }

    /// <summary>Rows of tokens whose assistant_masks are not used, because assistant_only_loss is false.</summary>
    public int UnusedAssistantMasks { get; init; }

    /// <summary>Keys of the rows that the chat template does not read, one line each.</summary>
    public IReadOnlyList<string> UnreadKeys { get; init; } = [];

    /// <summary>Fewest BOS tokens in an example; should be 1; null without a tokenizer or examples.</summary>
    public required int? MinBos { get; init; }

    /// <summary>Most BOS tokens in an example; should be 1; null without a tokenizer or examples.</summary>
    public required int? MaxBos { get; init; }

    /// <summary>Examples with turns: with an end-of-turn token, or that had one before they were cut.</summary>
    public required int RowsWithEndOfTurn { get; init; }

    /// <summary>Of these, the share that still has its last end-of-turn token, and trains it; 0 if there are none.</summary>
    public required double EndOfTurnTrained { get; init; }

    /// <summary>If no example has turns: examples whose last token is the trained end of the text.</summary>
    internal int RowsWithEndOfText { get; init; }

    /// <summary>Examples whose answer or text has lost its end, which would be trained, to max_length.</summary>
    internal int RowsWithoutTheirEnd { get; init; }

    /// <summary>Tokens of the longest example.</summary>
    public required int LongestRow { get; init; }

    /// <summary>Share of the sequences' room that holds tokens; 1 without packing.</summary>
    public required double PackingEfficiency { get; init; }

    /// <summary>Whether an earlier run tokenized the rows.</summary>
    public bool FromCache { get; init; }

    /// <summary>A problem with the stored tokens, or the reason why none are stored; null if all is well.</summary>
    public string? CacheNote { get; init; }

    /// <summary>Counts.</summary>
    /// <param name="sequences">The examples, packed.</param>
    /// <param name="maxLength">Tokens of a packed sequence; null without packing.</param>
    internal static LabelReport Create(PackedSequences sequences, int? maxLength)
    {
        var counts = sequences.Set.Counts;
        long tokens = Sum(sequences.Tokens);
        return new()
        {
            Examples = sequences.Set.Count,
            Sequences = sequences.Count,
            Tokens = tokens,
            TrainedTokens = Sum(sequences.Trained),
            TruncatedRows = counts.TruncatedRows,
            FirstTruncatedRow = counts.FirstTruncatedRow,
            TruncatedTokens = counts.TruncatedTokens,
            DroppedRows = counts.DroppedRows,
            PrefixMismatches = counts.PrefixMismatches,
            UnusedAssistantMasks = counts.UnusedAssistantMasks,
            UnreadKeys = counts.UnreadKeys,
            MinBos = counts.MinBos,
            MaxBos = counts.MaxBos,
            RowsWithEndOfTurn = counts.WithEndOfTurn,
            EndOfTurnTrained = counts.WithEndOfTurn == 0 ? 0 : (double)counts.EndOfTurnTrained / counts.WithEndOfTurn,
            RowsWithEndOfText = counts.EndOfText,
            RowsWithoutTheirEnd = counts.LostEnds,
            LongestRow = counts.Longest,
            PackingEfficiency = maxLength is { } length && sequences.Count > 0
                ? (double)tokens / ((long)sequences.Count * length)
                : 1,
        };
    }

    private static long Sum(ReadOnlySpan<int> numbers)
    {
        long sum = 0;
        foreach (int number in numbers) sum += number;
        return sum;
    }

    /// <summary>Warnings, one line each; empty if nothing looks wrong.</summary>
    public IReadOnlyList<string> Warnings()
    {
        List<string> warnings = [];
        if (TruncatedRows > 0)
        {
            warnings.Add(
                $"{Amount.Of(TruncatedRows, "row was", "rows were")} cut to MaxLength and lost {Amount.Of(TruncatedTokens, "token")}"
                + (RowsWithoutTheirEnd > 0 ? $", {RowsWithoutTheirEnd} of these rows the end of their answer" : "")
                + "; raise MaxLength to keep them.");
        }

        if (DroppedRows > 0)
        {
            warnings.Add($"{Amount.Of(DroppedRows, "row was", "rows were")} left out because no token of "
                + $"{(DroppedRows == 1 ? "it" : "them")} is trained.");
        }

        if (MinBos is { } and not 1 || MaxBos is { } and not 1)
            warnings.Add($"Rows have {MinBos} to {MaxBos} BOS tokens; Gemma expects exactly one.");
        if (RowsWithEndOfTurn > 0 && EndOfTurnTrained == 0)
            warnings.Add("No row trains its end of turn; the model will not learn to stop.");
        warnings.AddRange(UnreadKeys);
        if (UnusedAssistantMasks > 0)
        {
            warnings.Add(
                $"{Amount.Of(UnusedAssistantMasks, "row brings", "rows bring")} assistant_masks, which change nothing here; "
                + "AssistantOnlyLoss trains what they mark.");
        }

        if (PrefixMismatches > 0)
        {
            warnings.Add(
                $"{Amount.Of(PrefixMismatches, "prompt is", "prompts are")} tokenized otherwise alone than before the completion; "
                + "begin completions with the blanks that end prompts, or end prompts with a line end.");
        }

        return warnings;
    }

    /// <summary>Refuses data without trained tokens.</summary>
    /// <exception cref="LapidaryException">No token is trained.</exception>
    public void Validate()
    {
        if (TrainedTokens > 0) return;
        throw new LapidaryException(
            $"Data set: expected at least one trained token, found none in {Amount.Of(Examples, "row")} "
            + $"({DroppedRows} left out, {TruncatedRows} cut); "
            + "raise MaxLength, or check CompletionOnlyLoss, AssistantOnlyLoss and each message's weight or train.");
    }

    /// <summary>Lines for people.</summary>
    public override string ToString()
    {
        double share = Tokens == 0 ? 0 : (double)TrainedTokens / Tokens;
        string bos = MinBos is null ? "unknown" : MinBos == MaxBos ? $"{MinBos}" : $"{MinBos} to {MaxBos}";
        string[] lines =
        [
            $"rows {Examples}, packed into {Sequences} ({PackingEfficiency:P1} full), longest {Amount.Of(LongestRow, "token")}",
            $"tokens {Tokens}, trained {TrainedTokens} ({share:P1})",
            $"cut {Amount.Of(TruncatedRows, "row")} ({Amount.Of(TruncatedTokens, "token")}), left out {DroppedRows}",
            $"BOS per row {bos}, " + (RowsWithEndOfTurn == 0
                ? $"no turns, end of text trained in {Amount.Of(RowsWithEndOfText, "row")}"
                : $"end of turn trained in {EndOfTurnTrained:P1} of {Amount.Of(RowsWithEndOfTurn, "row")}"),
        ];
        return string.Join('\n', FromCache ? [.. lines, "tokens are those that an earlier run kept"] : lines);
    }
}
