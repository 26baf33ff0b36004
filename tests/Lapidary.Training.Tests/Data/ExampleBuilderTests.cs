using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Tests.Data;

public class ExampleBuilderTests
{
    private static readonly RowOrigin Origin = new("a.jsonl", "line", 1);
    private static readonly ToyEncoder Encoder = new();
    private static readonly ChatTurn[] Chat = [new("user", "q"), new("assistant", "x"), new("user", "r"), new("assistant", "y")];
    private const string ChatText = "<bos><start_of_turn>user\nq<end_of_turn>\n<start_of_turn>model\nx<end_of_turn>\n" +
        "<start_of_turn>user\nr<end_of_turn>\n<start_of_turn>model\ny<end_of_turn>\n";

    private static ExampleSet Build(ExampleOptions options, params TrainingRow[] rows) =>
        new ExampleBuilder(Encoder, ToyEncoder.Vocabulary, options).Build(new DataSet(rows));

    /// <summary>The text of the trained tokens, "·" for each token that is not.</summary>
    private static string Trained(Example example)
    {
        for (int i = 0; i < example.Labels.Length; i++)
            Assert.True(example.Labels[i] == Example.Ignore || example.Labels[i] == example.InputIds[i]);
        return string.Concat(example.Labels.Select(x => x == Example.Ignore ? "·" : Encoder.TokenText(x)));
    }

    private static string Text(Example example) => string.Concat(example.InputIds.Select(Encoder.TokenText));

    [Fact]
    public void Build_OfMessages_TrainsEverythingByDefault()
    {
        var example = Build(new(), new MessagesRow(Origin, Chat)).Examples.Single();
        Assert.Equal(ChatText, Text(example));
        Assert.Equal(ChatText, Trained(example));
    }

    [Fact]
    public void Build_OfMessages_TrainsTheAssistantAlone()
    {
        var example = Build(new() { AssistantOnlyLoss = true }, new MessagesRow(Origin, Chat)).Examples.Single();
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
        var example = Build(new() { AddSpecialTokens = special, AppendConcatToken = true }, new TextRow(Origin, text)).Examples.Single();
        Assert.Equal(expected, Text(example));
        Assert.Equal(expected, Trained(example));
    }

    [Theory]
    [InlineData(null, "···yz<eos>")]
    [InlineData(true, "···yz<eos>")]
    [InlineData(false, "<bos>p:yz<eos>")]
    public void Build_OfPromptAndCompletion_TrainsTheCompletion(bool? completionOnly, string trained)
    {
        var example = Build(new() { CompletionOnlyLoss = completionOnly }, new PromptCompletionRow(Origin, "p:", "yz")).Examples.Single();
        Assert.Equal("<bos>p:yz<eos>", Text(example));
        Assert.Equal(trained, Trained(example));
    }

    [Fact]
    public void Build_CountsPromptsThatJoinTheirCompletion()
    {
        var set = Build(new(), new PromptCompletionRow(Origin, "xa", "bc"), new PromptCompletionRow(Origin, "x", "bc"));
        Assert.Equal(1, set.PrefixMismatches);
        Assert.Equal("···c<eos>", Trained(set.Examples[0]));
    }

    [Fact]
    public void Build_OfConversationalPrompt_EndsItWithTheGenerationPrompt()
    {
        var row = new ConversationalPromptRow(Origin, Chat[..1], Chat[1..2]);
        Assert.Equal(new string('·', 17) + "x<end_of_turn>\n", Trained(Build(new(), row).Examples.Single()));
        Assert.Equal(new string('·', 17) + "x<end_of_turn>\n", Trained(Build(new() { AssistantOnlyLoss = true }, row).Examples.Single()));
        Assert.StartsWith("<bos><start_of_turn>user", Trained(Build(new() { CompletionOnlyLoss = false }, row).Examples.Single()));
    }

    [Theory]
    [InlineData(false, "\n<eos>")]
    [InlineData(true, "\n<eos>")]
    public void Build_AppendsTheConcatToken(bool assistantOnly, string end)
    {
        var example = Build(new() { AppendConcatToken = true, AssistantOnlyLoss = assistantOnly }, new MessagesRow(Origin, Chat)).Examples.Single();
        Assert.Equal(ChatText + "<eos>", Text(example));
        Assert.EndsWith(end, Trained(example));
    }

    [Fact]
    public void Build_OfTokens_TakesThemAsTheyAre()
    {
        var set = new ExampleBuilder(null, 10, new() { AppendConcatToken = true }).Build(
            new DataSet([new TokensRow(Origin, [3, 4], null), new TokensRow(Origin, [3, 4, 5], [-100, -100, 9])]));
        Assert.Equal([3, 4], set.Examples[0].Labels);
        Assert.Equal([-100, -100, 9], set.Examples[1].Labels);
        Assert.Equal(1, set.Examples[1].TrainedTokens);
    }

    [Fact]
    public void Build_CutsTheEnd_AndDropsRowsWithoutATrainedToken()
    {
        TrainingRow[] rows =
        [
            new PromptCompletionRow(Origin, "pppp", "x"), new PromptCompletionRow(Origin, "p", "xyz"), new PromptCompletionRow(Origin, "p", "x"),
            new TokensRow(Origin, [], null),
        ];
        var set = Build(new() { MaxLength = 5 }, rows);
        Assert.Equal(["··xyz", "··x<eos>"], set.Examples.Select(Trained));
        Assert.Equal([1, 2], set.Rows);
        Assert.Equal((2, 3, 2), (set.TruncatedRows, set.TruncatedTokens, set.DroppedRows));

        Assert.Equal((3, 1), Counts(Build(new() { MaxLength = 5, Packing = PackingStrategy.Bfd }, rows)));
        Assert.Equal((3, 1), Counts(Build(new() { MaxLength = 5, Packing = PackingStrategy.Wrapped }, rows)));
        Assert.Equal(0, Build(new() { MaxLength = 5, Packing = PackingStrategy.Wrapped }, rows).TruncatedTokens);
        Assert.Equal(0, Build(new() { MaxLength = null }, rows).TruncatedTokens);

        static (int, int) Counts(ExampleSet set) => (set.Examples.Count, set.DroppedRows);
    }

    [Fact]
    public void Build_NamesTheFirstRowThatFails()
    {
        TrainingRow[] rows = [.. Enumerable.Range(1, 500).Select(i =>
            (TrainingRow)new MessagesRow(new("a.jsonl", "line", i), i % 100 == 77 ? [Chat[1]] : Chat))];
        Assert.Equal("a.jsonl line 77: Conversation roles must alternate.", Assert.Throws<LapidaryException>(() => Build(new(), rows)).Message);
    }

    public static TheoryData<TrainingRow, ExampleOptions, string> Refused => new()
    {
        { new TokensRow(Origin, [1, 1000], null), new(), "line 1: expected input_ids from 0 to 999, found 1000 at index 1" },
        { new TokensRow(Origin, [1, -1], null), new(), "found -1 at index 1" },
        { new TokensRow(Origin, [1, 2], [-100, -101]), new(), "expected labels from 0 to 999 or -100, found -101" },
        { new TextRow(Origin, "\u9999"), new(), "expected input_ids from 0 to 999" },
        { new TextRow(Origin, "x"), new() { AssistantOnlyLoss = true }, "assistant_only_loss expects messages, found text" },
        { new TextRow(Origin, "x"), new() { CompletionOnlyLoss = true }, "completion_only_loss expects prompt and completion, found text" },
        { new MessagesRow(Origin, Chat), new() { CompletionOnlyLoss = true }, "completion_only_loss expects prompt and completion, found messages" },
        { new MessagesRow(Origin, Chat[..1]), new() { AssistantOnlyLoss = true }, "expects a message of the assistant, found none" },
        { new TextRow(Origin, "x"), new() { MaxLength = 1 }, "max_length: expected at least 2 tokens, found 1" },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void Build_Refuses(TrainingRow row, ExampleOptions options, string expected) =>
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => Build(options, row)).Message);

    [Fact]
    public void Build_OfText_RefusesToGoWithoutATokenizer() =>
        Assert.Contains("put tokenizer.json into the model's folder", Assert.Throws<LapidaryException>(
            () => new ExampleBuilder(null, 10, new()).Build(new DataSet([new TextRow(Origin, "x")]))).Message);

    [Fact]
    public void Fingerprint_TellsDataApart()
    {
        string print = Build(new(), new TextRow(Origin, "xy")).Fingerprint();
        Assert.Equal(64, print.Length);
        Assert.Equal(print, Build(new(), new TextRow(Origin, "xy")).Fingerprint());
        Assert.NotEqual(print, Build(new(), new TextRow(Origin, "xz")).Fingerprint());
        Assert.NotEqual(print, Build(new(), new PromptCompletionRow(Origin, "x", "y")).Fingerprint());
    }
}
