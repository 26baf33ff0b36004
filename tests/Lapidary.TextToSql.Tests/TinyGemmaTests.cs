using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training;

namespace Lapidary.TextToSql.Tests;

public class TinyGemmaTests
{
    [Fact]
    public void Write_GivesAModelThatKnowsNothing()
    {
        string folder = Fixtures.TemporaryFolder();
        TinyGemma.Write(folder);
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(folder, backend);
        var tokenizer = Tokenizer.Load(folder);
        int[] ids = tokenizer.Encode("How many flights are there? SELECT COUNT(*) FROM flights;", addSpecialTokens: true);

        var row = new DataSet([new TokensRow(ids, Labels: null)]);
        var data = PreparedDataSet.Create(row, encoder: null, model.Config, new SftConfig { Packing = false });
        using var evaluator = new Evaluator(model, data.Packed, batchSize: 1);

        Assert.Equal(tokenizer.VocabSize, model.Config.VocabSize);
        Assert.Equal(Math.Log(model.Config.VocabSize), evaluator.Run(TestContext.Current.CancellationToken).Loss, tolerance: 0.5);
    }

    [Fact]
    public void Write_HasSlidingAndFullLayersAndATiedHead()
    {
        string folder = Fixtures.TemporaryFolder();
        TinyGemma.Write(folder);
        var config = GemmaConfig.Load(folder);

        Assert.Contains(LayerType.Sliding, config.LayerTypes);
        Assert.Contains(LayerType.Full, config.LayerTypes);
        Assert.True(config.TieWordEmbeddings);
        Assert.True(config.NumKeyValueHeads < config.NumAttentionHeads);
    }

    [Fact]
    public void Write_DependsOnTheSeedAlone()
    {
        string first = Weights(seed: 1), again = Weights(seed: 1), other = Weights(seed: 2);

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);

        static string Weights(long seed)
        {
            string folder = Fixtures.TemporaryFolder();
            TinyGemma.Write(folder, seed);
            byte[] bytes = File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));
            return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes));
        }
    }
}
