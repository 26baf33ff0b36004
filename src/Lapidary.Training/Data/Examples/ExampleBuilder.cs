using Lapidary.Formats;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>Tokenizes a data set and sets its labels, on all cores; the result does not depend on their number.</summary>
/// <remarks>
/// <para>The rules are those of TRL's SFTTrainer. Conversations: the template's text, which includes BOS; no EOS. Text: BOS, text, EOS.
/// Prompt and completion: one text as above, in which as many tokens are masked as the prompt has alone; a prompt of messages ends with the
/// generation prompt.</para>
/// <para>Sequences are cut to max_length, except with "wrapped" packing, which cuts the rows itself and loses nothing. Without packing,
/// rows without a trained token are dropped. With packing they are kept, as in TRL: they take space but do not change the loss.</para>
/// </remarks>
/// <param name="encoder">Tokenizer and chat template; null if all rows are pre-tokenized.</param>
/// <param name="vocabularySize">Rows of the model's embedding: all ids must be smaller.</param>
/// <param name="options">Length and label rules.</param>
internal sealed class ExampleBuilder(ITextEncoder? encoder, int vocabularySize, ExampleOptions options)
{
    /// <summary>Rows per core that are tokenized together: enough to keep all cores busy, few enough for long rows to fit in
    /// memory.</summary>
    private const int RowsOfACore = 128;

    private int Limit => options.Packing == PackingStrategy.Wrapped ? int.MaxValue : options.MaxLength ?? int.MaxValue;

    /// <summary>Tokenizes all rows.</summary>
    /// <exception cref="LapidaryException">A row does not fit the options or the template; of several, the error names the
    /// first.</exception>
    public ExampleSet Build(DataSet data)
    {
        if (options.MaxLength is < 2) throw new LapidaryException($"MaxLength: expected at least 2 tokens, found {options.MaxLength}.");
        bool completionOnly = options.CompletionOnlyLoss
            ?? (data.Count > 0 && data.Rows[0] is PromptCompletionRow or ConversationalPromptRow);
        var tokenizer = new RowTokenizer(encoder, vocabularySize, options, completionOnly);
        var unread = new UnreadKeys(encoder);
        var writer = new ExampleWriter(vocabularySize, data.Options.Limits, CacheFolder.Of(data.Options.CacheDir)?.Path);

        // While some rows are tokenized, earlier rows are written.
        var writing = Task.CompletedTask;
        int blockRows = Math.Max(RowsOfACore * Environment.ProcessorCount, 256);
        for (int start = 0; start < data.Count; start += blockRows)
        {
            var block = Tokenize(data, tokenizer, unread, start, Math.Min(blockRows, data.Count - start));
            writing.GetAwaiter().GetResult();
            int first = start;
            writing = Task.Run(() => Write(block, first, writer, unread));
            data.Options.Progress?.Report(new("tokenizing", start + block.Length, data.Count, "rows"));
        }

        writing.GetAwaiter().GetResult();
        writer.Counts.UnreadKeys = unread.Lines();
        return writer.Build();
    }

    private TokenizedRow[] Tokenize(DataSet data, RowTokenizer tokenizer, UnreadKeys unread, int start, int count)
    {
        var result = new TokenizedRow[count];
        var errors = new LapidaryException?[count];
        Parallel.For(0, count, (i, loop) =>
        {
            // Break lets every row before this one finish, so the first error in row order is always found.
            try
            {
                var row = data.Read(start + i);
                var (example, mismatch) = tokenizer.Tokenize(row);
                var cut = Cut(example);
                result[i] = new(
                    cut, example.InputIds.Length - cut.InputIds.Length, mismatch, ExampleMarks.Of(example, cut.InputIds.Length, encoder),
                    unread.FindIn(row), !options.AssistantOnlyLoss && row is TokensRow { AssistantMask: not null });
            }
            catch (LapidaryException error)
            {
                errors[i] = error;
                loop.Break();
            }
        });
        return Array.Find(errors, x => x is not null) is { } first ? throw first : result;
    }

    private Example Cut(Example example)
    {
        var (ids, labels) = example;
        if (ids.Length <= Limit) return example;
        int[] kept = ids[..Limit];
        return new(kept, ReferenceEquals(ids, labels) ? kept : labels[..Limit]);
    }

    private void Write(TokenizedRow[] rows, int first, ExampleWriter writer, UnreadKeys unread)
    {
        var counts = writer.Counts;
        for (int i = 0; i < rows.Length; i++)
        {
            var row = rows[i];
            if (row.LostTokens > 0 && counts.TruncatedRows++ == 0) counts.FirstTruncatedRow = first + i + 1;
            counts.TruncatedTokens += row.LostTokens;
            if (row.PrefixMismatch) counts.PrefixMismatches++;
            if (row.HasUnusedMask) counts.UnusedAssistantMasks++;
            unread.Count(row.Unread);
            if (row.Example.InputIds.Length == 0 || (options.Packing == PackingStrategy.None && row.Example.TrainedTokens == 0))
            {
                counts.DroppedRows++;
                continue;
            }

            counts.Add(row.Marks);
            writer.Add(row.Example, first + i);
        }
    }

    private readonly record struct TokenizedRow(
        Example Example, int LostTokens, bool PrefixMismatch, ExampleMarks Marks, int Unread, bool HasUnusedMask);
}
