using Lapidary.Formats;
using Lapidary.Training.Configuration;

namespace Lapidary.Training.Data.Examples;

/// <summary>Tokenizes a data set and sets its labels, on all cores; the result does not depend on how many.</summary>
/// <remarks>
/// <para>Rules of TRL's SFTTrainer. Conversations: the template's text, which brings BOS; no EOS. Text: BOS, text, EOS. Prompt and
/// completion: one text as above, of which the tokens that the prompt has alone are masked; a prompt of messages ends with the generation
/// prompt.</para>
/// <para>Sequences are cut to max_length, except that "wrapped" packing, which cuts by itself, loses nothing. Rows with no trained token
/// are dropped where there is no packing; under packing they cost place but change no loss, and TRL keeps them.</para>
/// </remarks>
/// <param name="encoder">Tokenizer and chat template; null where all rows are pre-tokenized.</param>
/// <param name="vocabularySize">Rows of the model's embedding: ids must be below.</param> <param name="options">Length and label
/// rules.</param>
internal sealed class ExampleBuilder(ITextEncoder? encoder, int vocabularySize, ExampleOptions options)
{
    /// <summary>Tokenizes all rows.</summary>
    /// <exception cref="LapidaryException">A row does not fit the options or the template; of several the first is named.</exception>
    public ExampleSet Build(DataSet data)
    {
        if (options.MaxLength is < 2) throw new LapidaryException($"max_length: expected at least 2 tokens, found {options.MaxLength}.");
        var tokenized = Tokenize(data.Rows);
        List<Example> examples = new(tokenized.Length);
        List<int> rows = new(tokenized.Length);
        int truncatedRows = 0, dropped = 0;
        long truncatedTokens = 0;
        int limit = options.Packing == PackingStrategy.Wrapped ? int.MaxValue : options.MaxLength ?? int.MaxValue;
        for (int i = 0; i < tokenized.Length; i++)
        {
            var (ids, labels) = tokenized[i].Example;
            if (ids.Length > limit)
            {
                truncatedRows++;
                truncatedTokens += ids.Length - limit;
                bool shared = ReferenceEquals(ids, labels);
                ids = ids[..limit];
                labels = shared ? ids : labels[..limit];
            }

            if (ids.Length == 0 || (options.Packing == PackingStrategy.None && Example.CountTrained(labels) == 0))
            {
                dropped++;
                continue;
            }

            examples.Add(new(ids, labels));
            rows.Add(i);
        }

        return new(examples, rows, truncatedRows, truncatedTokens, dropped, tokenized.Count(x => x.PrefixMismatch))
        {
            UnusedAssistantMasks = options.AssistantOnlyLoss ? 0 : data.Rows.Count(row => row is TokensRow { AssistantMask: not null }),
            UnreadKeys = UnreadKeys.Of(data.Rows, encoder),
        };
    }

    private (Example Example, bool PrefixMismatch)[] Tokenize(IReadOnlyList<DataRow> rows)
    {
        bool completionOnly = options.CompletionOnlyLoss ?? rows is [PromptCompletionRow or ConversationalPromptRow, ..];
        var tokenizer = new RowTokenizer(encoder, vocabularySize, options, completionOnly);
        var result = new (Example, bool)[rows.Count];
        var errors = new LapidaryException?[rows.Count];
        Parallel.For(0, rows.Count, (i, loop) =>
        {
            // Break lets every row before this one finish, so the first error in row order is always found.
            try
            {
                result[i] = tokenizer.Tokenize(rows[i]);
            }
            catch (LapidaryException error)
            {
                errors[i] = error;
                loop.Break();
            }
        });
        return Array.Find(errors, x => x is not null) is { } first ? throw first : result;
    }
}
