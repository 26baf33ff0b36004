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

    [Fact]
    public void Load_NamesWhatIsNotApplied()
    {
        File.WriteAllText(Path.Combine(_folder, GenerationConfig.FileName), """
            {"num_beams": 4, "typical_p": 1.0, "penalty_alpha": null, "bad_words_ids": [[5]], "min_new_tokens": 0,
             "repetition_penalty": 1.2, "min_p": 0.05, "no_repeat_ngram_size": 3, "suppress_tokens": [7], "begin_suppress_tokens": [8]}
            """);
        var config = GenerationConfig.Load(_folder, _model);
        Assert.Equal(["num_beams 4", "bad_words_ids [[5]]"], config.Ignored);
        var options = GenerationOptions.From(config, tokenizer: null);
        Assert.Equal((1.2f, 0.05f, 3), (options.RepetitionPenalty, options.MinP, options.NoRepeatNgramSize));
        Assert.Equal([7], options.SuppressTokens);
        Assert.Equal([8], options.BeginSuppressTokens);
    }
}
