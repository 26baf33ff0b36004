namespace Lapidary.Engine.Tests.Cpu;

public class AddTests
{
    public static TheoryData<int> Counts => [.. Sizes.All, 16384, 16385, 100_003];

    [Theory]
    [MemberData(nameof(Counts))]
    public void Add_IsTheRoundedSum(int count)
    {
        using var run = new CpuRun(threads: 3);
        Tensor source = run.Normal(1, count), target = run.Normal(1, count);
        float[] expected = [.. source.AsSpan<float>().ToArray().Zip(target.AsSpan<float>().ToArray(), (a, b) => a + b)];
        run.Backend.Add(source, target);
        Assert.Equal(expected, target.AsSpan<float>().ToArray());
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void Zero_ClearsTheTensorAlone(int count)
    {
        using var run = new CpuRun(threads: 3);
        Tensor all = run.New(count + 2), middle = all.Rows(1, count);
        run.Backend.Zero(middle);
        Assert.True(float.IsNaN(all.AsSpan<float>()[0]) && float.IsNaN(all.AsSpan<float>()[count + 1]));
        Assert.Equal(new float[count], middle.AsSpan<float>().ToArray());
    }

    [Fact]
    public void AddAndZero_AllocateNothing()
    {
        using var run = new CpuRun(threads: 1);
        var x = run.Normal(1, 200_000);
        Close.AllocatesNothing(() =>
        {
            run.Backend.Add(x, x);
            run.Backend.Zero(x);
        });
    }
}
