using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>Scores rows without training: sums over tokens only, no logits are kept.</summary>
/// <param name="model">The model, with its adapter if one is attached.</param> <param name="rows">What is scored.</param>
/// <param name="batchSize">Rows per batch.</param>
public sealed class Evaluator(GemmaModel model, TrainingRows rows, int batchSize) : IDisposable
{
    private readonly ModelSteps _steps = new(model, training: false, gradientCheckpointing: false);

    /// <summary>Loss per trained token in nats, and the share of trained tokens whose label has the largest logit.</summary>
    public (double Loss, double Accuracy) Run()
    {
        double loss = 0;
        long hits = 0, trained = 0;
        int[] indices = [.. Enumerable.Range(0, rows.Count)];
        for (int first = 0; first < indices.Length; first += batchSize)
        {
            var batch = rows.Batch(indices.AsSpan(first, Math.Min(batchSize, indices.Length - first)));
            var result = _steps.For(batch.Tokens).Run(batch, lossScale: 0);
            loss += result.LossSum;
            hits += result.Hits;
            trained += batch.TrainedTokens;
        }

        return (loss / Math.Max(1, trained), (double)hits / Math.Max(1, trained));
    }

    /// <summary>Loss of each row, in order.</summary>
    public IEnumerable<RowScore> ScoreRows()
    {
        for (int row = 0; row < rows.Count; row++)
        {
            var batch = rows.Batch([row]);
            var result = _steps.For(batch.Tokens).Run(batch, lossScale: 0);
            yield return new RowScore(result.LossSum / Math.Max(1, batch.TrainedTokens), batch.TrainedTokens);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _steps.Dispose();
}

/// <summary>Loss of one row.</summary>
/// <param name="Loss">Nats per token.</param> <param name="Tokens">Tokens that were predicted.</param>
public sealed record RowScore(double Loss, int Tokens);
