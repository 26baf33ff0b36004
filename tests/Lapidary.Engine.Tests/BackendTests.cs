using Lapidary.Formats;

namespace Lapidary.Engine.Tests;

public class BackendTests
{
    [Fact]
    public void Auto_TakesAGpuThatCanBeUsed_AndSaysWhyNot()
    {
        using var backend = Backend.Auto(out string reason);

        if (CudaBackend.FirstAvailable() is { } device)
        {
            Assert.IsType<CudaBackend>(backend);
            Assert.StartsWith($"cuda:{device}: ", reason, StringComparison.Ordinal);
        }
        else
        {
            Assert.IsType<CpuBackend>(backend);
            Assert.StartsWith("cpu: ", reason, StringComparison.Ordinal);
            Assert.Contains(CudaBackend.WhyUnavailable()!, reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Create_TakesTheNamesOfSettings()
    {
        using var cpu = Backend.Create("cpu");
        Assert.IsType<CpuBackend>(cpu);
        using var auto = Backend.Create("auto");
        string error = Assert.Throws<LapidaryException>(() => Backend.Create("gpu")).Message;
        Assert.Equal("Device: expected auto, cpu, cuda or cuda:N, found \"gpu\".", error);
        Assert.Throws<LapidaryException>(() => Backend.Create("cuda:-1"));
        Assert.Throws<LapidaryException>(() => Backend.Create("cuda:99"));
    }
}
