using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class GenerationConfigTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();
    private readonly GemmaConfig _model = GemmaConfig.Load(Fixtures.Path("tiny/model"));

    [Fact]
    public void Load_FallsBackToTheModel()
    {
        var config = GenerationConfig.Load(_folder, _model);
        Assert.Equal([1], config.EosTokenIds);
        Assert.Equal(
            (2, 0, false, 1.0, 50, 1.0, null),
            (config.BosTokenId, config.PadTokenId, config.DoSample, config.Temperature, config.TopK, config.TopP, config.MaxNewTokens));
    }

    [Fact]
    public void Load_ReadsTheFixtures()
    {
        foreach (string folder in (string[])["tiny/multimodal", "tiny/prequantized", "tiny/merged_fp32"])
            Assert.Equal([1], GenerationConfig.Load(Fixtures.Path(folder), _model).EosTokenIds);
    }

    [Fact]
    public void Load_ReadsWhatTheInstructionTunedModelsSay()
    {
        Save("""
            {"bos_token_id":2,"do_sample":true,"eos_token_id":[1,106],"pad_token_id":0,
            "top_k":64,"top_p":0.95,"temperature":0.7,"max_new_tokens":256}
            """);
        var config = GenerationConfig.Load(_folder, _model);
        Assert.Equal([1, 106], config.EosTokenIds);
        Assert.Equal((true, 0.7, 64, 0.95, 256), (config.DoSample, config.Temperature, config.TopK, config.TopP, config.MaxNewTokens));
    }

    [Theory]
    [InlineData("{\"top_p\":2}", "top_p: expected a number from 0 to 1, found 2")]
    [InlineData("{\"eos_token_id\":[1,\"x\"]}", "eos_token_id: expected whole numbers")]
    [InlineData("{\"do_sample\":1}", "do_sample: expected true or false, found 1")]
    [InlineData("[]", "expected a JSON object")]
    public void Load_RefusesADamagedFile(string json, string message)
    {
        Save(json);
        Assert.Contains(
            message, Assert.Throws<LapidaryException>(() => GenerationConfig.Load(_folder, _model)).Message, StringComparison.Ordinal);
    }

    private void Save(string json) => File.WriteAllText(Path.Combine(_folder, "generation_config.json"), json);
}
