using Lapidary.Engine.Cuda;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class CudaGraphTests
{
    [Fact]
    public void Launch_RepeatsTheWork_OnNewData()
    {
        using var run = DeviceRun.On("cuda");
        var backend = (CudaBackend)run.Backend;
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 64, 128, 2);
        Tensor w = run.Import(weight.Tensor), x = run.Normal(1, 20, 128), y = run.New(20, 64), next = run.Normal(1, 20, 128);
        var expected = run.New(20, 64);
        backend.LinearForward(next, w, expected);
        backend.LinearForward(x, w, y);
        using var graph = backend.Capture(() => backend.LinearForward(x, w, y))!;
        backend.Zero(x);
        backend.Add(next, x);
        graph.Run();
        Assert.Equal(run.Doubles(expected), run.Doubles(y));
    }

    [Fact]
    public void Capture_ThatFails_LeavesTheStreamUsable()
    {
        using var run = DeviceRun.On("cuda");
        var backend = (CudaBackend)run.Backend;
        var x = run.Normal(1, 20);
        Assert.Throws<InvalidOperationException>(() => backend.Capture(() => throw new InvalidOperationException()));
        backend.Zero(x);
        Assert.All(run.Doubles(x), value => Assert.Equal(0, value));
    }
}
