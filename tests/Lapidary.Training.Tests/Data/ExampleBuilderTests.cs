using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Tests.Data;

public class ExampleBuilderTests
{
    private static readonly RowOrigin Origin = new("a.jsonl", "line", 1);
    private static readonly ToyEncoder Encoder = new();
    private static readonly ExampleOptions Trl = TrlOptions.Default;
    private static readonly ChatTurn[] Chat = [new("user", "q"), new("assistant", "x"), new("user", "r"), new("assistant", "y")];
    private const string ChatText = "<bos><start_of_turn>user\nq<end_of_turn>\n<start_of_turn>model\nx<end_of_turn>\n" +
        "<start_of_turn>user\nr<end_of_turn>\n<start_of_turn>model\ny<end_of_turn>\n";

    private static ExampleSet Build(ExampleOptions options, params DataRow[] rows) =>
        new ExampleBuilder(Encoder, ToyEncoder.Vocabulary, options).Build(new DataSet(rows));

    /// <summary>The text of the trained tokens, "·" for each token that is not.</summary>
    private static string Trained(Example example)
    {
        for (int i = 0; i < example.Labels.Length; i++)
            Assert.True(example.Labels[i] == Label.None || example.Labels[i] == example.InputIds[i]);
        return string.Concat(example.Labels.Select(x => x == Label.None ? "·" : Encoder.TokenText(x)));
    }

    private static string Text(Example example) => string.Concat(example.InputIds.Select(Encoder.TokenText));

    [Fact]
    public void Build_OfMessages_TrainsEverythingByDefault()
    {
        var example = Build(Trl, new MessagesRow(Chat)).All().Single();
        Assert.Equal(ChatText, Text(example));
        Assert.Equal(ChatText, Trained(example));
    }

    [Fact]
    public void Build_OfMessages_TrainsTheAssistantAlone()
    {
        var example = Build(Trl with { AssistantOnlyLoss = true }, new MessagesRow(Chat)).All().Single();
        Assert.Equal(ChatText, Text(example));
        string dots = new('·', 17);
        Assert.Equal(dots + "x<end_of_turn>\n" + dots[..16] + "y<end_of_turn>\n", Trained(example));
    }

    [Theory]
    [InlineData("ab", true, "<bos>ab<eos>")]
    [InlineData("ab<eos>", true, "<bos>ab<eos>")]
    [InlineData("<bos>ab", true, "<bos>ab<eos>")]
    [InlineData("ab", false, "ab<eos>")]
    public void Build_OfText_AddsOneBosAndOneEos(string text, bool special, string expected)
    {
        var example = Build(Trl with { AddSpecialTokens = special, AppendConcatToken = true }, new TextRow(text)).All().Single();
        Assert.Equal(expected, Text(example));
        Assert.Equal(expected, Trained(example));
    }

    [Theory]
    [InlineData(null, "···yz<eos>")]
    [InlineData(true, "···yz<eos>")]
    [InlineData(false, "<bos>p:yz<eos>")]
    public void Build_OfPromptAndCompletion_TrainsTheCompletion(bool? completionOnly, string trained)
    {
        var example = Build(Trl with { CompletionOnlyLoss = completionOnly }, new PromptCompletionRow("p:", "yz")).All().Single();
        Assert.Equal("<bos>p:yz<eos>", Text(example));
        Assert.Equal(trained, Trained(example));
    }

    [Fact]
    public void Build_CountsPromptsThatJoinTheirCompletion()
    {
        var set = Build(Trl, new PromptCompletionRow("xa", "bc"), new PromptCompletionRow("x", "bc"));
        Assert.Equal(1, set.Counts.PrefixMismatches);
        Assert.Equal("···c<eos>", Trained(set.All()[0]));
    }

    [Fact]
    public void Build_OfConversationalPrompt_EndsItWithTheGenerationPrompt()
    {
        var row = new ConversationalPromptRow(Chat[..1], Chat[1..2]);
        string expected = new string('·', 17) + "x<end_of_turn>\n";
        Assert.Equal(expected, Trained(Build(Trl, row).All().Single()));
        Assert.Equal(expected, Trained(Build(Trl with { AssistantOnlyLoss = true }, row).All().Single()));
        Assert.StartsWith("<bos><start_of_turn>user", Trained(Build(Trl with { CompletionOnlyLoss = false }, row).All().Single()));
    }

    [Theory]
    [InlineData(false, "\n<eos>")]
    [InlineData(true, "\n<eos>")]
    public void Build_AppendsTheConcatToken(bool assistantOnly, string end)
    {
        var options = Trl with { AppendConcatToken = true, AssistantOnlyLoss = assistantOnly };
        var example = Build(options, new MessagesRow(Chat)).All().Single();
        Assert.Equal(ChatText + "<eos>", Text(example));
        Assert.EndsWith(end, Trained(example));
    }

    [Fact]
    public void Build_OfTokens_TakesThemAsTheyAre()
    {
        var set = new ExampleBuilder(null, 10, Trl with { AppendConcatToken = true }).Build(
            new DataSet([new TokensRow([3, 4], null), new TokensRow([3, 4, 5], [-100, -100, 9])]));
        Assert.Equal([3, 4], set.All()[0].Labels);
        Assert.Equal([-100, -100, 9], set.All()[1].Labels);
        Assert.Equal(1, set.All()[1].TrainedTokens);
    }

    [Fact]
    public void Build_CutsTheEnd_AndDropsRowsWithoutATrainedToken()
    {
        DataRow[] rows =
        [
            new PromptCompletionRow("pppp", "x"), new PromptCompletionRow("p", "xyz"), new PromptCompletionRow("p", "x"),
            new TokensRow([], null),
        ];
        var set = Build(Trl with { MaxLength = 5 }, rows);
        Assert.Equal(["··xyz", "··x<eos>"], set.All().Select(Trained));
        Assert.Equal([1, 2], set.RowNumbers());
        Assert.Equal((2, 3, 2), (set.Counts.TruncatedRows, set.Counts.TruncatedTokens, set.Counts.DroppedRows));

        Assert.Equal((3, 1), Counts(Build(Trl with { MaxLength = 5, Packing = PackingStrategy.Bfd }, rows)));
        Assert.Equal((3, 1), Counts(Build(Trl with { MaxLength = 5, Packing = PackingStrategy.Wrapped }, rows)));
        Assert.Equal(0, Build(Trl with { MaxLength = 5, Packing = PackingStrategy.Wrapped }, rows).Counts.TruncatedTokens);
        Assert.Equal(0, Build(Trl with { MaxLength = null }, rows).Counts.TruncatedTokens);

        static (int, int) Counts(ExampleSet set) => (set.Count, set.Counts.DroppedRows);
    }

    [Fact]
    public void Build_NamesTheFirstRowThatFails()
    {
        DataRow[] rows = [.. Enumerable.Range(1, 500).Select(i =>
            new MessagesRow(i % 100 == 77 ? [Chat[1]] : Chat) { Origin = Origin with { Number = i } })];
        var error = Assert.Throws<LapidaryException>(() => Build(Trl, rows));
        Assert.Equal("a.jsonl line 77: Conversation roles must alternate.", error.Message);
    }

    public static TheoryData<Action, string> Refused => new()
    {
        { () => Build(Trl, new TokensRow([1, 1000], null)), "data set row 1: expected input_ids from 0 to 999, found 1000 at index 1" },
        { () => Build(Trl, new TokensRow([1, -1], null)), "found -1 at index 1" },
        { () => Build(Trl, new TokensRow([1, 2], [-100, -101])), "expected labels from 0 to 999 or -100, found -101" },
        { () => Build(Trl, new TextRow("\u9999")), "expected input_ids from 0 to 999" },
        { () => Build(Trl with { AssistantOnlyLoss = true }, new TextRow("x")), "AssistantOnlyLoss expects messages, found text" },
        {
            () => Build(Trl with { CompletionOnlyLoss = true }, new TextRow("x")),
            "CompletionOnlyLoss expects prompt and completion, found text"
        },
        {
            () => Build(Trl with { CompletionOnlyLoss = true }, new MessagesRow(Chat)),
            "CompletionOnlyLoss expects prompt and completion, found messages"
        },
        {
            () => Build(Trl with { AssistantOnlyLoss = true }, new MessagesRow(Chat[..1])),
            "expects a message of the assistant, found none"
        },
        { () => Build(Trl with { MaxLength = 1 }, new TextRow("x")), "MaxLength: expected at least 2 tokens, found 1" },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void Build_Refuses(Action build, string expected) => Assert.Contains(expected, Assert.Throws<LapidaryException>(build).Message);

    [Fact]
    public void Build_OfText_RefusesToGoWithoutATokenizer() =>
        Assert.Contains("put tokenizer.json into the model's folder", Assert.Throws<LapidaryException>(
            () => new ExampleBuilder(null, 10, Trl).Build(new DataSet([new TextRow("x")]))).Message);

    [Fact]
    public void Fingerprint_TellsDataApart()
    {
        string print = Build(Trl, new TextRow("xy")).Fingerprint;
        Assert.Equal(64, print.Length);
        Assert.Equal(print, Build(Trl, new TextRow("xy")).Fingerprint);
        Assert.NotEqual(print, Build(Trl, new TextRow("xz")).Fingerprint);
        Assert.NotEqual(print, Build(Trl, new PromptCompletionRow("x", "y")).Fingerprint);
    }
}
