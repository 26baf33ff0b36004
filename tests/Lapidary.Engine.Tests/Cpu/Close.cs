using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cpu;

/// <summary>Comparisons of fp32 results.</summary>
internal static class Close
{
    /// <summary>Half the distance from 1 to the next fp32: the relative error of one rounding.</summary>
    public const double Epsilon = 1.0 / (1 << 24);

    /// <summary>|actual − expected| ≤ roundings · ε · (|expected| + scale), for every element. <paramref name="scale"/> is the size of the
    /// terms that were added to form a result, which may cancel; <paramref name="roundings"/> says how many roundings are allowed
    /// for.</summary>
    public static void Equal(ReadOnlySpan<double> expected, Tensor actual, double roundings, double scale)
    {
        var values = actual.AsSpan<float>();
        Assert.Equal(expected.Length, values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            double allowed = roundings * Epsilon * (Math.Abs(expected[i]) + scale);
            double error = Math.Abs(values[i] - expected[i]);
            if (!(error <= allowed))
                Assert.Fail($"Element {i}: expected {expected[i]:R}, got {values[i]:R}, off by {error / allowed:F2} × what is allowed.");
        }
    }

    /// <summary>Runs the same calls with 1, 2 and 3 threads; the outputs must be the same bits.</summary>
    public static void SameBitsForAnyThreads(Func<CpuRun, Tensor[]> calls)
    {
        byte[][]? first = null;
        foreach (int threads in (int[])[1, 2, 3])
        {
            using var run = new CpuRun(threads);
            byte[][] outputs = [.. calls(run).Select(Bytes)];
            first ??= outputs;
            Assert.Equal(first, outputs);
        }
    }

    /// <summary>The call, once warm, allocates no managed memory on this thread: what is tested must run on it alone.</summary>
    public static void AllocatesNothing(Action call) => Assert.Equal(0, ManagedMemory.FewestBytes(call));

    public static unsafe byte[] Bytes(Tensor tensor) => new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.LengthBytes).ToArray();
}
