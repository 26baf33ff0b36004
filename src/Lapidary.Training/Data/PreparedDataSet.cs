using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training;

/// <summary>A data set prepared for a run: tokenized, labelled and packed.</summary>
public sealed class PreparedDataSet
{
    private PreparedDataSet(PackedDataSet packed, LabelReport report, DataRow? firstRow) =>
        (Packed, Report, FirstRow) = (packed, report, firstRow);

    /// <summary>Its sequences, for a trainer or an evaluator.</summary>
    public PackedDataSet Packed { get; }

    /// <summary>A summary of the sequences.</summary>
    public LabelReport Report { get; }

    /// <summary>The examples before packing.</summary>
    internal ExampleSet Examples => Packed.Sequences.Set;

    /// <summary>The data set's first row; null if it is empty.</summary>
    internal DataRow? FirstRow { get; }

    /// <summary>Whether the rows went through a chat template, judged by the first row; null if it is pre-tokenized or there is
    /// none.</summary>
    internal bool? IsChat => FirstRow switch
    {
        MessagesRow or ConversationalPromptRow => true,
        TextRow or PromptCompletionRow => false,
        _ => null,
    };

    /// <summary>Prepares a data set.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="encoder">Tokenizer and chat template; null if all rows are pre-tokenized.</param>
    /// <param name="model">Size of the vocabulary and padding.</param>
    /// <param name="config">Length, packing and labels.</param>
    /// <exception cref="LapidaryException">A row is invalid.</exception>
    public static PreparedDataSet Create(DataSet data, ITextEncoder? encoder, GemmaConfig model, SftConfig config) =>
        Create(data, encoder, model, config.Examples);

    /// <summary>Prepares a data set whose rows are scored one by one. Rows without a predicted token are left out.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="encoder">Tokenizer and chat template, or null.</param>
    /// <param name="model">Size of the vocabulary and padding.</param>
    /// <param name="maxLength">Longer rows are cut to this many tokens; null keeps them complete.</param>
    /// <param name="completionOnly">Score only completions.</param>
    /// <param name="assistantOnly">Score only the assistant's turns.</param>
    /// <exception cref="LapidaryException">A row is invalid.</exception>
    internal static PreparedDataSet ForScoring(
        DataSet data, ITextEncoder? encoder, GemmaConfig model, int? maxLength, bool completionOnly, bool assistantOnly) =>
        Create(data, encoder, model, new SftConfig().Examples with
        {
            MaxLength = maxLength,
            Packing = PackingStrategy.None,
            CompletionOnlyLoss = completionOnly,
            AssistantOnlyLoss = assistantOnly,
            AppendConcatToken = false, // A row is scored as it is.
        });

    private static PreparedDataSet Create(DataSet data, ITextEncoder? encoder, GemmaConfig model, ExampleOptions options)
    {
        var examples = ExampleCache.Get(data, encoder, model.VocabSize, options);
        int maxLength = options.MaxLength ?? model.MaxPositionEmbeddings;
        var packed = new PackedDataSet(examples.Set, options.Packing, maxLength, model.PadTokenId);
        int? rowLength = options.Packing == PackingStrategy.None ? null : maxLength;
        var report = LabelReport.Create(packed.Sequences, rowLength) with { FromCache = examples.IsKept, CacheNote = examples.Note };
        return new PreparedDataSet(packed, report, examples.FirstRow);
    }
}
