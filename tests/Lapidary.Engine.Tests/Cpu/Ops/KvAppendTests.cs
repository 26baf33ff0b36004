namespace Lapidary.Engine.Tests.Cpu;

public class KvAppendTests
{
    [Theory]
    [InlineData(1, 0, 8, 0)]
    [InlineData(5, 6, 8, 1)] // wraps
    [InlineData(8, 3, 8, 2)]
    [InlineData(1, 100, 1, 1)]
    public void KvAppend_StoresATokenInItsTextsSlot(int tokens, int position, int capacity, int slot)
    {
        using var run = new CpuRun();
        Tensor k = run.Normal(1, tokens, 3), v = run.Normal(1, tokens, 3);
        Tensor keys = run.Zeros(3, capacity, 3), values = run.Zeros(3, capacity, 3);
        float[] expectedKeys = new float[keys.Count], expectedValues = new float[values.Count];
        for (int t = 0; t < tokens; t++)
        {
            int entry = slot * capacity + (position + t) % capacity;
            k.AsSpan<float>().Slice(t * 3, 3).CopyTo(expectedKeys.AsSpan(entry * 3));
            v.AsSpan<float>().Slice(t * 3, 3).CopyTo(expectedValues.AsSpan(entry * 3));
        }

        var positions = run.Ints([.. Enumerable.Range(position, tokens)]);
        run.Backend.KvAppend(k, v, run.Ints([.. Enumerable.Repeat(slot, tokens)]), positions, keys, values);

        Assert.Equal(expectedKeys, keys.AsSpan<float>().ToArray());
        Assert.Equal(expectedValues, values.AsSpan<float>().ToArray());
    }

    [Fact]
    public void KvAppend_TakesTokensOfSeveralTexts_AndRowsWithoutOne()
    {
        using var run = new CpuRun();
        Tensor k = run.Floats(1, 2, 3, 4), v = run.Floats(5, 6, 7, 8), keys = run.Zeros(2, 2, 1), values = run.Zeros(2, 2, 1);
        run.Backend.KvAppend(k, v, run.Ints(1, -1, 0, 1), run.Ints(3, 0, 0, 4), keys, values);
        Assert.Equal([3, 0, 4, 1], keys.AsSpan<float>().ToArray());
        Assert.Equal([7, 0, 8, 5], values.AsSpan<float>().ToArray());
    }
}
