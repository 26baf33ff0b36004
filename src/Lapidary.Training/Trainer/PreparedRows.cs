using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>A data set on its way into a run: tokenized, labelled and packed.</summary>
/// <param name="Examples">The rows one by one.</param> <param name="Rows">The same, packed.</param> <param name="Report">What they
/// hold.</param>
public sealed record PreparedRows(ExampleSet Examples, TrainingRows Rows, LabelReport Report)
{
    /// <summary>Prepares a data set.</summary>
    /// <param name="data">The rows.</param> <param name="encoder">Tokenizer and chat template; null where all rows are
    /// pre-tokenized.</param>
    /// <param name="model">Size of the vocabulary and padding.</param> <param name="config">Length, packing and labels.</param>
    /// <exception cref="LapidaryException">A row is not what it should be.</exception>
    public static PreparedRows Create(DataSet data, ITextEncoder? encoder, GemmaConfig model, SftConfig config)
    {
        var examples = new ExampleBuilder(encoder, model.VocabSize, config.Examples).Build(data);
        var rows = new TrainingRows(examples, config.EffectivePacking, config.MaxLength, model.PadTokenId);
        return new PreparedRows(examples, rows, LabelReport.Create(examples, rows.Rows, encoder, config.Packing ? config.MaxLength : null));
    }
}
