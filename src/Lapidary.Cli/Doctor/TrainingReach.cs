using Lapidary.Engine;
using Lapidary.Training;

namespace Lapidary.Cli.Doctor;

/// <summary>The largest published size that a device can train, and its number of rows at a time.</summary>
/// <param name="Size">"4b".</param>
/// <param name="BatchSize">Rows of 512 tokens at a time.</param>
internal sealed record TrainingReach(string Size, int BatchSize)
{
    /// <summary>Computes it with the planner; null if not even the smallest size fits.</summary>
    /// <param name="estimates">The memory of each size, the smallest first.</param>
    /// <param name="isGuide">Whether embedding and head are trained, as in the guide, or LoRA alone.</param>
    /// <param name="freeBytes">Free memory of the device.</param>
    /// <param name="createCounter">Creates a backend that only counts memory.</param>
    public static TrainingReach? Of(
        IReadOnlyList<MemoryEstimate> estimates, bool isGuide, long freeBytes, Func<IBackend> createCounter)
    {
        long budget = MemoryPlanner.UsableBytes(freeBytes);
        var largest = estimates.LastOrDefault(estimate => (isGuide ? estimate.GuideBytes : estimate.LoraBytes) <= budget);
        if (largest is null) return null;
        int batch = MemoryEstimate.LargestBatchSize(largest.Size, isGuide, budget, createCounter);
        return new TrainingReach(largest.Size, Math.Max(1, batch));
    }
}
