using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Model;
using Lapidary.Training.Data.Packing;
using Lapidary.Training.Steps;

namespace Lapidary.Training;

/// <summary>Scores a data set without training: sums over tokens only, no logits are kept.</summary>
public sealed class Evaluator : IDisposable
{
    private readonly GemmaModel _model;
    private readonly ModelSteps _steps;
    private readonly PackedDataSet _data;
    private readonly int _batchSize;
    private readonly bool _owned;

    /// <summary>Prepares to score.</summary>
    /// <param name="model">The model, with its adapter if one is attached.</param> <param name="data">What is scored.</param>
    /// <param name="batchSize">Rows per batch.</param>
    public Evaluator(GemmaModel model, PackedDataSet data, int batchSize)
        : this(model, ModelSteps.ForEvaluation(model, model.Backend), data, batchSize) => _owned = true;

    /// <summary>Scores by the steps of a run, which stay the run's.</summary>
    internal Evaluator(GemmaModel model, ModelSteps steps, PackedDataSet data, int batchSize) =>
        (_model, _steps, _data, _batchSize) = (model, steps, data, batchSize);

    /// <summary>Loss per trained token in nats, and the share of trained tokens whose label has the largest logit.</summary>
    /// <param name="cancellationToken">Asks for an end before the next batch.</param>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    /// <exception cref="LapidaryException">A loss is no finite number; the message names the rows.</exception>
    public (double Loss, double Accuracy) Run(CancellationToken cancellationToken = default)
    {
        double loss = 0;
        long hits = 0, trained = 0;
        int[] indices = [.. Enumerable.Range(0, _data.Count)];
        for (int first = 0; first < indices.Length; first += _batchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (batch, result) = Run(indices.AsSpan(first, Math.Min(_batchSize, indices.Length - first)));
            loss += result.LossSum;
            hits += result.Hits;
            trained += batch.TrainedTokens;
        }

        return (loss / Math.Max(1, trained), (double)hits / Math.Max(1, trained));
    }

    /// <summary>Loss of each sequence, which is a row where there is no packing, in order.</summary>
    /// <exception cref="LapidaryException">A loss is no finite number; the message names the row.</exception>
    public IEnumerable<RowScore> ScoreRows()
    {
        for (int row = 0; row < _data.Count; row++)
        {
            var (batch, result) = Run([row]);
            yield return new RowScore(result.LossSum / Math.Max(1, batch.TrainedTokens), batch.TrainedTokens);
        }
    }

    private (Batch Batch, StepResult Result) Run(ReadOnlySpan<int> sequences)
    {
        var batch = _data.Batch(sequences);
        var result = _steps.For(batch).Run(batch, lossScale: 0);
        return double.IsFinite(result.LossSum)
            ? (batch, result)
            : throw new LapidaryException(
                $"Scoring: the loss of {_data.Describe(sequences)} is {result.LossSum}; {Divergence.Explain(_model)}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_owned) _steps.Dispose();
    }
}

/// <summary>Loss of one row.</summary>
/// <param name="Loss">Nats per token.</param> <param name="Tokens">Tokens that were predicted.</param>
public sealed record RowScore(double Loss, int Tokens);
