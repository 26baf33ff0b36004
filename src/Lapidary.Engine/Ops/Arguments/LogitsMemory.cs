namespace Lapidary.Engine;

/// <summary>How much memory <see cref="IOps.LinearCrossEntropy"/> may use for logits. More rows at a time read the head less often and
/// make larger products.</summary>
public static class LogitsMemory
{
    /// <summary>Enough for large products on a CPU, and where a GPU's memory is short.</summary>
    public const long LeanBytes = 128L << 20;

    /// <summary>Beyond this a GPU's products gain nothing.</summary>
    public const long MaxBytes = 2L << 30;
}
