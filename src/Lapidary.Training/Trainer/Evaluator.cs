using Lapidary.Gemma;
using Lapidary.Training.Steps;

namespace Lapidary.Training;

/// <summary>Scores a data set without training: sums over tokens only, no logits are kept.</summary>
public sealed class Evaluator : IDisposable
{
    private readonly ModelSteps _steps;
    private readonly PackedDataSet _data;
    private readonly int _batchSize;
    private readonly bool _owned;

    /// <summary>Prepares to score.</summary>
    /// <param name="model">The model, with its adapter if one is attached.</param> <param name="data">What is scored.</param>
    /// <param name="batchSize">Rows per batch.</param>
    public Evaluator(GemmaModel model, PackedDataSet data, int batchSize)
        : this(ModelSteps.ForEvaluation(model, model.Backend), data, batchSize) => _owned = true;

    /// <summary>Scores by the steps of a run, which stay the run's.</summary>
    internal Evaluator(ModelSteps steps, PackedDataSet data, int batchSize) => (_steps, _data, _batchSize) = (steps, data, batchSize);

    /// <summary>Loss per trained token in nats, and the share of trained tokens whose label has the largest logit.</summary>
    /// <param name="cancellationToken">Asks for an end before the next batch.</param>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public (double Loss, double Accuracy) Run(CancellationToken cancellationToken = default)
    {
        double loss = 0;
        long hits = 0, trained = 0;
        int[] indices = [.. Enumerable.Range(0, _data.Count)];
        for (int first = 0; first < indices.Length; first += _batchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var batch = _data.Batch(indices.AsSpan(first, Math.Min(_batchSize, indices.Length - first)));
            var result = _steps.For(batch).Run(batch, lossScale: 0);
            loss += result.LossSum;
            hits += result.Hits;
            trained += batch.TrainedTokens;
        }

        return (loss / Math.Max(1, trained), (double)hits / Math.Max(1, trained));
    }

    /// <summary>Loss of each sequence, which is a row where there is no packing, in order.</summary>
    public IEnumerable<RowScore> ScoreRows()
    {
        for (int row = 0; row < _data.Count; row++)
        {
            var batch = _data.Batch([row]);
            var result = _steps.For(batch).Run(batch, lossScale: 0);
            yield return new RowScore(result.LossSum / Math.Max(1, batch.TrainedTokens), batch.TrainedTokens);
        }
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
