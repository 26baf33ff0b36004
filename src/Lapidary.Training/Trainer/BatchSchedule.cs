using Lapidary.Training.Data;

namespace Lapidary.Training;

/// <summary>Which rows each optimizer step reads: a fresh order per epoch, cut into micro-batches, cut into steps. A function of the seed alone, so
/// a run can go on from any step. The last step of an epoch may be short.</summary>
internal sealed class BatchSchedule
{
    private readonly SftConfig _config;
    private readonly int _rows;
    private readonly EpochOrder _order;

    public BatchSchedule(int rows, SftConfig config)
    {
        (_rows, _config) = (rows, config);
        _order = new EpochOrder(rows, config.Seed, config.Shuffle);
        MicroBatchesPerEpoch = (rows + config.PerDeviceTrainBatchSize - 1) / config.PerDeviceTrainBatchSize;
        StepsPerEpoch = (MicroBatchesPerEpoch + config.GradientAccumulationSteps - 1) / config.GradientAccumulationSteps;
        TotalSteps = config.MaxSteps > 0 ? config.MaxSteps : (int)Math.Ceiling(config.NumTrainEpochs * StepsPerEpoch);
    }

    public int MicroBatchesPerEpoch { get; }

    /// <summary>Optimizer steps to a pass over the data.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Micro-batches of the largest optimizer step.</summary>
    public int LargestStep => Math.Min(_config.GradientAccumulationSteps, MicroBatchesPerEpoch);

    /// <summary>Micro-batches of an optimizer step.</summary>
    public int MicroBatchesOf(int step)
    {
        int first = step % StepsPerEpoch * _config.GradientAccumulationSteps;
        return Math.Min(_config.GradientAccumulationSteps, MicroBatchesPerEpoch - first);
    }

    /// <summary>Indices of the rows of successive micro-batches.</summary>
    public ReadOnlySpan<int> Rows(int step, int firstMicroBatch, int microBatches)
    {
        int size = _config.PerDeviceTrainBatchSize;
        int first = (step % StepsPerEpoch * _config.GradientAccumulationSteps + firstMicroBatch) * size;
        return _order.Rows(step / StepsPerEpoch).Slice(first, Math.Min(microBatches * size, _rows - first));
    }

    /// <summary>Passes done after a number of steps.</summary>
    public double EpochAfter(int steps) => (double)steps / StepsPerEpoch;
}
