using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Training;

namespace Lapidary.Cli.Bench;

/// <summary>Times optimizer steps by the wall clock. A step ends when the host has read its gradient's norm, so no work is still
/// queued.</summary>
/// <param name="steps">Number of measured steps.</param>
/// <param name="warmup">Steps before them: the first two record and capture.</param>
/// <param name="memory">Read at the last step, while everything is in use.</param>
/// <param name="people">Receives the trainer's messages.</param>
/// <param name="interrupted">Ends the run.</param>
internal sealed class StepMeter(int steps, int warmup, Allocator memory, TextWriter people, CancellationToken interrupted)
    : ITrainingObserver
{
    private readonly double[] _seconds = new double[steps];
    private readonly double[] _managedBytes = new double[steps];
    private int _done;
    private long _started;
    private long _managedBefore;

    /// <summary>Whether all steps are measured.</summary>
    public bool IsComplete => _done == warmup + steps;

    /// <summary>Seconds of the measured steps.</summary>
    public Spread Seconds => Spread.Of(_seconds);

    /// <summary>Managed bytes allocated in a step.</summary>
    public Spread ManagedBytes => Spread.Of(_managedBytes);

    /// <summary>Loss of the very first step, nats per token.</summary>
    public double FirstLoss { get; private set; }

    /// <summary>Loss of the last step.</summary>
    public double LastLoss { get; private set; }

    /// <summary>The allocator's peak by the last step.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Live memory at the last step, by owner.</summary>
    public MemoryUse Live { get; private set; } = memory.Live;

    public void OnStart(TrainingPlan plan) => Restart();

    public void OnMessage(string message) => people.WriteLine($"  {message}");

    public void OnStep(TrainingProgress progress)
    {
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        long managed = GC.GetTotalAllocatedBytes(precise: true) - _managedBefore;
        if (_done == 0) FirstLoss = progress.Loss;
        LastLoss = progress.Loss;
        if (_done >= warmup) (_seconds[_done - warmup], _managedBytes[_done - warmup]) = (seconds, managed);
        _done++;
        interrupted.ThrowIfCancellationRequested();
        if (IsComplete)
        {
            PeakBytes = memory.PeakBytes;
            Live = memory.Live;

            // A run would now save the adapter: gigabytes if the embedding is trained.
            throw new OperationCanceledException();
        }

        Restart();
    }

    private void Restart()
    {
        _managedBefore = GC.GetTotalAllocatedBytes(precise: true);
        _started = Stopwatch.GetTimestamp();
    }
}
