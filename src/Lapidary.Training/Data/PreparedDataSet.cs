using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training;

/// <summary>A data set on its way into a run: tokenized, labelled and packed.</summary>
public sealed class PreparedDataSet
{
    private PreparedDataSet(ExampleSet examples, PackedDataSet packed, LabelReport report) =>
        (Examples, Packed, Report) = (examples, packed, report);

    /// <summary>Its sequences, which a trainer or an evaluator takes.</summary>
    public PackedDataSet Packed { get; }

    /// <summary>What they hold.</summary>
    public LabelReport Report { get; }

    /// <summary>The examples before packing.</summary>
    internal ExampleSet Examples { get; }

    /// <summary>Prepares a data set.</summary>
    /// <param name="data">The rows.</param> <param name="encoder">Tokenizer and chat template; null where all rows are
    /// pre-tokenized.</param>
    /// <param name="model">Size of the vocabulary and padding.</param> <param name="config">Length, packing and labels.</param>
    /// <exception cref="LapidaryException">A row is not what it should be.</exception>
    public static PreparedDataSet Create(DataSet data, ITextEncoder? encoder, GemmaConfig model, SftConfig config) =>
        Create(data, encoder, model, config.Examples);

    /// <summary>Prepares a data set that is not for training; without a length, rows stay whole.</summary>
    internal static PreparedDataSet Create(DataSet data, ITextEncoder? encoder, GemmaConfig model, ExampleOptions options)
    {
        var examples = new ExampleBuilder(encoder, model.VocabSize, options).Build(data);
        int maxLength = options.MaxLength ?? model.MaxPositionEmbeddings;
        var packed = new PackedDataSet(examples, options.Packing, maxLength, model.PadTokenId);
        int? rowLength = options.Packing == PackingStrategy.None ? null : maxLength;
        return new PreparedDataSet(examples, packed, LabelReport.Create(examples, packed.Sequences, encoder, rowLength));
    }
}
