using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Model;
using Lapidary.Training.Data.Packing;
using Lapidary.Training.Steps;

namespace Lapidary.Training;

/// <summary>Computes loss and accuracy of a data set without training. Only sums over tokens are kept, no logits. Several ranks share the
/// batches, and all get the same result, to the bit that a single rank computes.</summary>
public sealed class Evaluator : IDisposable
{
    /// <summary>Rows that a rank scores between two exchanges of the ranks.</summary>
    private const int RowsPerExchange = 32;

    private readonly GemmaModel _model;
    private readonly ModelSteps _steps;
    private readonly PackedDataSet _data;
    private readonly int _batchSize;
    private readonly RankGroup _ranks;
    private readonly bool _owned;

    /// <summary>Prepares an evaluation.</summary>
    /// <param name="model">The model, with its adapter if one is attached.</param>
    /// <param name="data">The data set.</param>
    /// <param name="batchSize">Rows per batch.</param>
    /// <param name="ranks">The ranks that share the work; all of them then make the same calls with the same data. Null for a single
    /// rank.</param>
    public Evaluator(GemmaModel model, PackedDataSet data, int batchSize, RankGroup? ranks = null)
        : this(model, ModelSteps.ForEvaluation(model, model.Backend), data.Share(), batchSize, ranks ?? RankGroup.Solo) => _owned = true;

    /// <summary>Evaluates with the recorded steps of a run, which still belong to the run.</summary>
    internal Evaluator(GemmaModel model, ModelSteps steps, PackedDataSet data, int batchSize, RankGroup ranks) =>
        (_model, _steps, _data, _batchSize, _ranks) = (model, steps, data, batchSize, ranks);

    /// <summary>Loss per trained token in nats, and the share of trained tokens whose label has the largest logit.</summary>
    /// <param name="cancellationToken">Stops all ranks before the next batch.</param>
    /// <exception cref="OperationCanceledException">Cancellation was requested, on this rank or another.</exception>
    /// <exception cref="LapidaryException">A loss is not finite; the message names the rows.</exception>
    public (double Loss, double Accuracy) Run(CancellationToken cancellationToken = default) =>
        RunUnlessStopped(cancellationToken) ?? throw new OperationCanceledException(cancellationToken);

    /// <summary>Loss of each sequence, in order; without packing, a sequence is a row. Every rank gets all losses and must enumerate them
    /// to the end.</summary>
    /// <exception cref="LapidaryException">A loss is not finite; the message names the row.</exception>
    public IEnumerable<RowScore> ScoreRows()
    {
        int atATime = _ranks.WorldSize == 1 ? 1 : RowsPerExchange * _ranks.WorldSize;
        for (int first = 0; first < _data.Count; first += atATime)
        {
            int count = Math.Min(atATime, _data.Count - first), start = first;
            foreach (var score in Share(count, row => Score([start + row]), () => false)!)
                yield return new RowScore(score.Loss / Math.Max(1, score.Trained), (int)score.Trained);
        }
    }

    /// <summary>Null if cancellation was requested.</summary>
    internal (double Loss, double Accuracy)? RunUnlessStopped(CancellationToken cancellationToken)
    {
        int[] indices = [.. Enumerable.Range(0, _data.Count)];
        int batches = (indices.Length + _batchSize - 1) / _batchSize;
        BatchScore Run(int batch)
        {
            int first = batch * _batchSize;
            return Score(indices.AsSpan(first, Math.Min(_batchSize, indices.Length - first)));
        }

        var scores = Share(batches, Run, () => cancellationToken.IsCancellationRequested || _ranks.StopRequested.IsCancellationRequested);
        if (scores is null) return null;
        double loss = 0;
        long hits = 0, trained = 0;
        foreach (var score in scores)
        {
            loss += score.Loss;
            hits += score.Hits;
            trained += score.Trained;
        }

        return (loss / Math.Max(1, trained), (double)hits / Math.Max(1, trained));
    }

    /// <summary>Every rank runs its share of the items and gets all results in order; null if any rank was asked to stop.</summary>
    private BatchScore[]? Share(int count, Func<int, BatchScore> run, Func<bool> stops)
    {
        var own = new List<BatchScore>();
        bool stopped = false;
        using (_ranks.Busy("scoring"))
        {
            for (int i = _ranks.Rank; i < count; i += _ranks.WorldSize)
            {
                if (stopped = stops()) break;
                own.Add(run(i));
            }
        }

        if (_ranks.WorldSize == 1) return stopped ? null : [.. own];
        IReadOnlyList<byte[]> all;
        using (_ranks.Waiting("the scores of the other ranks"))
            all = _ranks.Gather([stopped ? (byte)1 : (byte)0, .. MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(own))]);
        if (all.Any(bytes => bytes[0] != 0)) return null;
        return [.. Enumerable.Range(0, count).Select(i =>
            MemoryMarshal.Cast<byte, BatchScore>(all[i % all.Count].AsSpan(1))[i / all.Count])];
    }

    private BatchScore Score(ReadOnlySpan<int> sequences)
    {
        var batch = _data.Batch(sequences);
        var step = _steps.For(batch);
        var result = step.Run(batch, lossScale: 0);
        return double.IsFinite(result.LossSum)
            ? new BatchScore(result.LossSum, result.Hits, batch.TrainedTokens)
            : throw new LapidaryException(
                $"Scoring: the loss of {_data.Describe(sequences)} is {result.LossSum}; {Why(step, batch)}");
    }

    private string Why(ModelStep step, Batch batch) => Divergence.Explain(_model, () => step.FindNonFinite(batch, lossScale: 0));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_owned) _steps.Dispose();
    }

    private readonly record struct BatchScore(double Loss, long Hits, long Trained);
}

/// <summary>Loss of one row.</summary>
/// <param name="Loss">Nats per token.</param>
/// <param name="Tokens">Number of predicted tokens.</param>
public sealed record RowScore(double Loss, int Tokens);
