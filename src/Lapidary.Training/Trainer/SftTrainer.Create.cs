using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training;

public sealed partial class SftTrainer
{
    private TrainedWeights? _owned;

    /// <summary>A summary of the training data; null if prepared sequences were given.</summary>
    public LabelReport? LabelReport { get; private init; }

    /// <summary>Prepares a run from a data set, as TRL's SFTTrainer does: tokenizes and packs the rows and attaches a new adapter to the
    /// model. The trainer owns the adapter and detaches it when it is disposed.</summary>
    /// <param name="model">The frozen base.</param>
    /// <param name="encoder">Its tokenizer and chat template; null if all rows are pre-tokenized.</param>
    /// <param name="train">Rows to train on.</param>
    /// <param name="config">Options of the run.</param>
    /// <param name="peftConfig">Settings of the new adapter.</param>
    /// <param name="eval">Rows to evaluate on, or null.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="communicator">Connects the ranks that train together; null for a single rank.</param>
    /// <param name="metric">What evaluations measure besides the loss; see <see cref="Metric"/>.</param>
    /// <exception cref="LapidaryException">An option, a row or a module is invalid, or no token of the data would be trained.</exception>
    public static SftTrainer Create(
        GemmaModel model, ITextEncoder? encoder, DataSet train, SftConfig config, LoraConfig peftConfig, DataSet? eval = null,
        ITrainingObserver? observer = null, ICommunicator? communicator = null, IEvaluationMetric? metric = null)
    {
        return Create(
            model, () => Adapter.Create(model, peftConfig, config.Seed), encoder, train, config, eval, observer, communicator, metric);
    }

    /// <summary>The same for all weights, which start with the base's values. Load the base with <see cref="ModelOptions.LoadOnUse"/>, so
    /// that the device does not hold them twice, and take the options from <see cref="SftConfig.Full"/>.</summary>
    /// <param name="model">The base, not quantized.</param>
    /// <param name="encoder">Its tokenizer and chat template; null if all rows are pre-tokenized.</param>
    /// <param name="train">Rows to train on.</param>
    /// <param name="config">Options of the run.</param>
    /// <param name="eval">Rows to evaluate on, or null.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="communicator">Connects the ranks that train together; null for a single rank.</param>
    /// <param name="metric">What evaluations measure besides the loss; see <see cref="Metric"/>.</param>
    /// <exception cref="LapidaryException">An option or a row is invalid, the base is quantized, or no token of the data would be
    /// trained.</exception>
    public static SftTrainer CreateFull(
        GemmaModel model, ITextEncoder? encoder, DataSet train, SftConfig config, DataSet? eval = null,
        ITrainingObserver? observer = null, ICommunicator? communicator = null, IEvaluationMetric? metric = null) =>
        Create(model, () => FullWeights.Create(model), encoder, train, config, eval, observer, communicator, metric);

    private static SftTrainer Create(
        GemmaModel model, Func<TrainedWeights> createWeights, ITextEncoder? encoder, DataSet train, SftConfig config, DataSet? eval,
        ITrainingObserver? observer, ICommunicator? communicator, IEvaluationMetric? metric)
    {
        config.Validate(hasEvaluation: eval is not null);
        var prepared = PreparedDataSet.Create(train, encoder, model.Config, config);
        prepared.Report.Validate();
        var preparedEval = eval is null ? null : PreparedDataSet.Create(eval, encoder, model.Config, config);

        var weights = createWeights();
        try
        {
            return new SftTrainer(model, weights, config, prepared.Packed, preparedEval?.Packed, observer, communicator: communicator)
            {
                LabelReport = prepared.Report,
                Encoder = encoder,
                DataSets = train.Options.Source is { } source ? [DataSetName.Parse(source).Path] : [],
                IsChat = prepared.IsChat,
                Metric = metric,
                _owned = weights,
            };
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Whether the rows went through the chat template, which is stored with the result; null if unknown.</summary>
    internal bool? IsChat { get; init; }
}
