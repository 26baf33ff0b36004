using Lapidary.Engine.Recording;

namespace Lapidary.Engine.Tests;

public class ArenaPlannerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(300)]
    public void Plan_NeverOverlapsBuffersThatLiveTogether(int count)
    {
        var random = new Random(count);
        var lifetimes = new List<Lifetime>();
        for (int i = 0; i < count; i++)
        {
            var life = new Lifetime(new Tensor(DType.Float32, random.Next(1, 5000)));
            life.Touch(random.Next(100));
            life.Touch(random.Next(100));
            lifetimes.Add(life);
        }

        var layout = ArenaPlanner.Plan(lifetimes);

        Assert.Equal(count, layout.Offsets.Count);
        var byTensor = lifetimes.ToDictionary(life => life.Tensor);
        foreach (var (a, offsetA) in layout.Offsets)
        {
            Assert.True(offsetA + a.LengthBytes <= layout.LengthBytes);
            foreach (var (b, offsetB) in layout.Offsets)
            {
                bool sharesBytes = offsetA < offsetB + b.LengthBytes && offsetB < offsetA + a.LengthBytes;
                if (!ReferenceEquals(a, b) && sharesBytes) Assert.False(byTensor[a].Overlaps(byTensor[b]), $"{a} and {b}");
            }
        }
    }

    [Fact]
    public void Plan_ReusesBytesOfBuffersThatAreDead()
    {
        var chain = Enumerable.Range(0, 10).Select(i =>
        {
            var life = new Lifetime(new Tensor(DType.Float32, 1024));
            life.Touch(i);
            life.Touch(i + 1);
            return life;
        });

        Assert.Equal(2 * 4096, ArenaPlanner.Plan(chain).LengthBytes);
    }
}
