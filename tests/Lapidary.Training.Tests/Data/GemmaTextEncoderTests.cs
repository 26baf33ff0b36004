using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training.Tests.Data;

public class GemmaTextEncoderTests
{
    [Fact]
    public void Build_WithARealTokenizer_HasOneBosAndTrainsTheAnswer()
    {
        string folder = Fixtures.SmallTokenizer;
        var tokenizer = Tokenizer.Load(folder);
        var encoder = new GemmaTextEncoder(tokenizer, ChatTemplate.Load(folder));
        var row = new MessagesRow([new("user", "How many?"), new("assistant", "SELECT 1")]);
        var options = TrlOptions.Default with { AssistantOnlyLoss = true };
        var set = new ExampleBuilder(encoder, tokenizer.VocabSize, options).Build(new DataSet([row, row]));
        var report = LabelReport.Create(Packer.Pack(set, PackingStrategy.None, null), null);
        Assert.Equal((1, 1), (report.MinBos, report.MaxBos));
        Assert.Equal((2, 1.0), (report.RowsWithEndOfTurn, report.EndOfTurnTrained));
        int[] trained = [.. set.Read(0).Labels.Where(x => x != Label.None)];
        Assert.Equal("SELECT 1<end_of_turn>\n", tokenizer.Decode(trained, skipSpecialTokens: false));

        var texts = new DataSet([new TextRow("abc")]);
        var text = new ExampleBuilder(encoder, tokenizer.VocabSize, TrlOptions.Default).Build(texts).All().Single();
        Assert.Equal("<bos>abc<eos>", tokenizer.Decode(text.InputIds, skipSpecialTokens: false));
    }
}
