namespace Lapidary.Cli.Tests.Commands;

public sealed class QuantizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Quantize_WritesAModelThatAnswersAsTheBaseLoadedWithNf4()
    {
        var json = CliRun.Of(
            "quantize", "--model", TinyModel.WithTokenizer, "--output", _folder["q"], "--json", "--threads", "1").Ok().Json;
        Assert.InRange(json.GetProperty("bytes").GetInt64(), 1, json.GetProperty("source_bytes").GetInt64() / 2);
        Assert.True(File.Exists(Path.Combine(_folder["q"], "tokenizer.json")));
        string[] prompt = ["--input-ids", "2,5,6,7", "--max-new-tokens", "8", "--ignore-eos", "--threads", "1"];
        Assert.Equal(
            CliRun.Of(["generate", "--model", TinyModel.WithTokenizer, "--quantization", "nf4", .. prompt]).Ok().Out,
            CliRun.Of(["generate", "--model", _folder["q"], .. prompt]).Ok().Out);
        CliRun.Of("quantize", "--model", _folder["q"], "--output", _folder["again"]).AssertError(1, "in 4 bits already");
    }
}
