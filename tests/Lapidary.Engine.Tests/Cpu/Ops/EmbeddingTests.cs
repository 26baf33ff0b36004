using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Cpu;

public class EmbeddingTests
{
    private static readonly int[] Ids = [3, 0, 10, 3, 3, 7, 0];

    public static TheoryData<int> Dims => [.. Sizes.All];

    [Theory]
    [MemberData(nameof(Dims))]
    public void Forward_ScalesRowsOfEveryFloatingType(int hidden)
    {
        using var run = new CpuRun();
        foreach (var dtype in (DType[])[DType.Float32, DType.BFloat16, DType.Float16])
        {
            Tensor table = run.As(dtype, run.Normal(0.02, 11, hidden)), y = run.New(Ids.Length, hidden);
            run.Backend.EmbeddingForward(run.Ints(Ids), table, 25.25f, y);
            double[] values = CpuRun.Doubles(table);
            Close.Equal([.. Ids.SelectMany(id => values.Skip(id * hidden).Take(hidden)).Select(x => x * 25.25)], y, roundings: 1, scale: 0);
        }
    }

    [Theory]
    [MemberData(nameof(Dims))]
    public void Backward_AddsTheRowsOfEachId(int hidden)
    {
        using var run = new CpuRun();
        Tensor dy = run.Normal(1, Ids.Length, hidden), dTable = run.Normal(1, 11, hidden);
        double[] expected = CpuRun.Doubles(dTable), gradient = CpuRun.Doubles(dy);
        for (int t = 0; t < Ids.Length; t++)
        {
            for (int i = 0; i < hidden; i++) expected[Ids[t] * hidden + i] += gradient[t * hidden + i] * 25.25;
        }

        run.Backend.EmbeddingBackward(run.Ints(Ids), dy, 25.25f, dTable);

        Close.Equal(expected, dTable, roundings: 6, scale: 100); // up to three terms of some 25 to 75
    }

    [Theory]
    [InlineData(11)]
    [InlineData(-1)]
    public void ForwardAndBackward_OfAnIdOutsideTheVocabulary_NameIt(int id)
    {
        using var run = new CpuRun();
        Tensor ids = run.Ints(1, id, 2), table = run.Zeros(11, 4), y = run.New(3, 4);
        Action[] calls = [() => run.Backend.EmbeddingForward(ids, table, 1, y), () => run.Backend.EmbeddingBackward(ids, y, 1, table)];
        foreach (var call in calls)
        {
            string message = Assert.Throws<LapidaryException>(call).Message;
            Assert.Contains($"token id {id} ", message, StringComparison.Ordinal);
            Assert.Contains("11 entries", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ForwardAndBackward_HaveTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var ids = run.Ints([.. Enumerable.Range(0, 400).Select(t => t * t % 23)]);
        Tensor table = run.Normal(1, 23, 333), y = run.New(400, 333), dTable = run.Zeros(23, 333);
        run.Backend.EmbeddingForward(ids, table, 1.7f, y);
        run.Backend.EmbeddingBackward(ids, y, 1.7f, dTable);
        return [y, dTable];
    });

    [Fact]
    public void ForwardAndBackward_AllocateNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor ids = run.Ints(Ids), table = run.Normal(1, 11, 640), y = run.New(Ids.Length, 640);
        Close.AllocatesNothing(() =>
        {
            run.Backend.EmbeddingForward(ids, table, 1, y);
            run.Backend.EmbeddingBackward(ids, y, 1, table);
        });
    }
}
