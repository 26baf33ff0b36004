namespace Lapidary.Engine.Tests.Cpu;

public class KvAppendTests
{
    [Theory]
    [InlineData(1, 0, 8)]
    [InlineData(5, 6, 8)] // wraps
    [InlineData(8, 3, 8)]
    [InlineData(20, 0, 8)] // only the last 8 survive
    [InlineData(20, 13, 8)]
    [InlineData(3, 100, 1)]
    public void KvAppend_StoresTokenAtItsSlot(int tokens, int position, int capacity)
    {
        using var run = new CpuRun();
        Tensor k = run.Normal(1, tokens, 3), v = run.Normal(1, tokens, 3), keys = run.Zeros(capacity, 3), values = run.Zeros(capacity, 3);
        float[] expectedKeys = new float[capacity * 3], expectedValues = new float[capacity * 3];
        for (int t = 0; t < tokens; t++)
        {
            int slot = (position + t) % capacity;
            k.AsSpan<float>().Slice(t * 3, 3).CopyTo(expectedKeys.AsSpan(slot * 3));
            v.AsSpan<float>().Slice(t * 3, 3).CopyTo(expectedValues.AsSpan(slot * 3));
        }

        run.Backend.KvAppend(k, v, run.Ints(position), keys, values);

        Assert.Equal(expectedKeys, keys.AsSpan<float>().ToArray());
        Assert.Equal(expectedValues, values.AsSpan<float>().ToArray());
    }
}
