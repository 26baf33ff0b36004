namespace Lapidary.Engine.Tests.Cpu;

/// <summary>Sizes around every vector width and unrolled loop, and Gemma's own.</summary>
internal static class Sizes
{
    /// <summary>1…257 and the hidden sizes of Gemma 3 270m, 1b and 4b.</summary>
    public static int[] All { get; } = [.. Enumerable.Range(1, 257), 640, 1152, 2560];
}
