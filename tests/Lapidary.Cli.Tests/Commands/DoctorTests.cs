namespace Lapidary.Cli.Tests.Commands;

public class DoctorTests
{
    [Fact]
    public void Doctor_ShowsEverySizeAndLibrary()
    {
        string text = CliRun.Of("doctor").Ok().Out;
        Assert.All(new[] { "270m", "1b", "4b", "12b", "27b", "Nvrtc", "CublasLt", "Driver", "CPU", ".NET" }, word => Assert.Contains(word, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Doctor_EstimatesGrowWithTheSize()
    {
        var sizes = CliRun.Of("doctor", "--json").Ok().Json.GetProperty("training_estimates").EnumerateArray().ToArray();
        long[] bytes = [.. sizes.Select(size => size.GetProperty("lora_bytes").GetInt64())];
        Assert.Equal(bytes.Order(), bytes);
        Assert.InRange(bytes[1], 512L << 20, 2L << 30); // 1b: 0.35 GiB of NF4, LoRA and activations; on a GPU 0.56 of bf16 embedding too
        Assert.All(sizes, size => Assert.True(size.GetProperty("guide_bytes").GetInt64() > size.GetProperty("lora_bytes").GetInt64()));
    }
}
