namespace Lapidary.Engine.Cpu.Threads;

/// <summary>A kernel body over a range of independent items (rows, tiles, blocks). A struct of pointers and sizes, so that running it on
/// several threads allocates nothing.</summary>
internal interface IRange
{
    /// <summary>Processes items <paramref name="start"/> to <paramref name="end"/> (exclusive).</summary>
    /// <param name="start">First item.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="worker">Index of the running thread in [0, threads), which selects its scratch.</param>
    void Run(int start, int end, int worker);
}
