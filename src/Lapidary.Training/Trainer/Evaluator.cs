using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Model;
using Lapidary.Training.Steps;

namespace Lapidary.Training;

/// <summary>Scores a data set without training: sums over tokens only, no logits are kept. Ranks share the batches out and have the same
/// result, to the bit that one alone has.</summary>
public sealed class Evaluator : IDisposable
{
    /// <summary>Rows that a rank scores before the ranks exchange what they have.</summary>
    private const int RowsPerExchange = 32;

    private readonly GemmaModel _model;
    private readonly ModelSteps _steps;
    private readonly PackedDataSet _data;
    private readonly int _batchSize;
    private readonly RankGroup _ranks;
    private readonly bool _owned;

    /// <summary>Prepares to score.</summary>
    /// <param name="model">The model, with its adapter if one is attached.</param>
    /// <param name="data">What is scored.</param>
    /// <param name="batchSize">Rows per batch.</param>
    /// <param name="ranks">Those that share the work; all of them then make the same calls, with the same data. Null for one alone.</param>
    public Evaluator(GemmaModel model, PackedDataSet data, int batchSize, RankGroup? ranks = null)
        : this(model, ModelSteps.ForEvaluation(model, model.Backend), data.Share(), batchSize, ranks ?? RankGroup.Solo) => _owned = true;

    /// <summary>Scores by the steps of a run, which stay the run's.</summary>
    internal Evaluator(GemmaModel model, ModelSteps steps, PackedDataSet data, int batchSize, RankGroup ranks) =>
        (_model, _steps, _data, _batchSize, _ranks) = (model, steps, data, batchSize, ranks);

    /// <summary>Loss per trained token in nats, and the share of trained tokens whose label has the largest logit.</summary>
    /// <param name="cancellationToken">Asks for an end before the next batch, of all ranks.</param>
    /// <exception cref="OperationCanceledException">It was asked for, on this rank or another.</exception>
    /// <exception cref="LapidaryException">A loss is no finite number; the message names the rows.</exception>
    public (double Loss, double Accuracy) Run(CancellationToken cancellationToken = default) =>
        RunUnlessStopped(cancellationToken) ?? throw new OperationCanceledException(cancellationToken);

    /// <summary>Loss of each sequence, which is a row where there is no packing, in order. All ranks get all of them, and go through them
    /// to the end.</summary>
    /// <exception cref="LapidaryException">A loss is no finite number; the message names the row.</exception>
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

    /// <summary>Null where an end was asked for.</summary>
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

    /// <summary>Every rank runs its share of some items, and gets the results of all, in order; null where one of them was to
    /// stop.</summary>
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
        var result = _steps.For(batch).Run(batch, lossScale: 0);
        return double.IsFinite(result.LossSum)
            ? new BatchScore(result.LossSum, result.Hits, batch.TrainedTokens)
            : throw new LapidaryException(
                $"Scoring: the loss of {_data.Describe(sequences)} is {result.LossSum}; {Divergence.Explain(_model)}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_owned) _steps.Dispose();
    }

    private readonly record struct BatchScore(double Loss, long Hits, long Trained);
}

/// <summary>Loss of one row.</summary>
/// <param name="Loss">Nats per token.</param>
/// <param name="Tokens">Tokens that were predicted.</param>
public sealed record RowScore(double Loss, int Tokens);
