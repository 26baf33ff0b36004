using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training.Tests.Data;

public class LabelReportTests
{
    private static readonly ToyEncoder Encoder = new();
    private static readonly ExampleOptions Trl = TrlOptions.Default;

    private static LabelReport Report(ExampleOptions options, params DataRow[] rows)
    {
        var set = new ExampleBuilder(Encoder, ToyEncoder.Vocabulary, options).Build(new DataSet(rows));
        bool packs = options.Packing != PackingStrategy.None;
        var sequences = Packer.Pack(set, options.Packing, options.MaxLength);
        return LabelReport.Create(sequences, packs ? options.MaxLength : null);
    }

    [Fact]
    public void Create_Counts()
    {
        var report = Report(
            Trl with { MaxLength = 8, Packing = PackingStrategy.Bfd },
            new PromptCompletionRow("p", "x"), new PromptCompletionRow("p", "wxyz123"));
        Assert.Equal(2, report.Examples);
        Assert.Equal(2, report.Sequences);
        Assert.Equal(12, report.Tokens);
        Assert.Equal(8, report.TrainedTokens);
        Assert.Equal((1, 2), (report.TruncatedRows, report.TruncatedTokens));
        Assert.Equal((1, 1), (report.MinBos, report.MaxBos));
        Assert.Equal(8, report.LongestRow);
        Assert.Equal(0.75, report.PackingEfficiency);
        report.Validate();
        Assert.Equal(
            "rows 2, packed into 2 (75.0 % full), longest 8 tokens\ntokens 12, trained 8 (66.7 %)\n"
            + "cut 1 row (2 tokens), left out 0\nBOS per row 1, no turns, end of text trained in 1 row",
            report.ToString());
        Assert.Contains("1 row was cut", Assert.Single(report.Warnings()));
    }

    [Fact]
    public void Create_SeesWhetherTheEndOfTurnIsTrained()
    {
        var row = new MessagesRow([new("user", "q"), new("assistant", "a")]);
        var cut = new MessagesRow([new("user", "q"), new("assistant", "abcdefghijkl")]);
        var report = Report(Trl with { AssistantOnlyLoss = true, MaxLength = 24 }, row, cut);
        Assert.Equal((2, 0.5), (report.RowsWithEndOfTurn, report.EndOfTurnTrained));

        report = Report(Trl with { AssistantOnlyLoss = true, MaxLength = 24 }, cut);
        Assert.Contains("No row trains its end of turn; the model will not learn to stop.", report.Warnings());
        Assert.Contains("lost 6 tokens, 1 of these rows the end of their answer;", report.Warnings()[0], StringComparison.Ordinal);
    }

    /// <summary>The end of the user's turn, which is trained too, does not count.</summary>
    [Fact]
    public void Create_CountsRowsThatLostTheEndOfTheirAnswer()
    {
        var row = new MessagesRow([new("user", "q"), new("assistant", "a")]);
        var cut = new MessagesRow([new("user", "q"), new("assistant", "abcdefghijkl")]);
        var none = new MessagesRow([new("user", "a question that has more tokens than fit"), new("assistant", "a")]);
        var report = Report(Trl with { MaxLength = 24 }, row, cut, none, row);
        Assert.Equal((4, 0.5), (report.RowsWithEndOfTurn, report.EndOfTurnTrained));
        Assert.Contains("2 rows were cut", report.Warnings()[0], StringComparison.Ordinal);
        Assert.Contains("2 of these rows the end of their answer;", report.Warnings()[0], StringComparison.Ordinal);
        Assert.Contains("end of turn trained in 50.0 % of 4 rows", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Warnings_NameWrongBosCounts()
    {
        var none = Report(Trl with { AddSpecialTokens = false }, new TextRow("x"));
        Assert.Contains("Rows have 0 to 0 BOS tokens; Gemma expects exactly one.", none.Warnings());
        Assert.Contains("1 to 2 BOS", Report(Trl, new TextRow("x"), new TextRow("x<bos>y")).Warnings().Single());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Warnings_SayThatAssistantMasksAreNotUsed(bool assistantOnly)
    {
        var row = new TokensRow([2, 5, 6], null) { AssistantMask = [false, true, true] };
        var warnings = Report(Trl with { AssistantOnlyLoss = assistantOnly }, row).Warnings();
        if (assistantOnly) Assert.Empty(warnings);
        else Assert.StartsWith("1 row brings assistant_masks, which change nothing here;", Assert.Single(warnings));
    }

    [Theory]
    [InlineData("{{ messages[0].content }}", 2)]
    [InlineData("{{ messages[0].content }}{{ messages[0].tool_calls }}", 1)]
    [InlineData("{% for key, value in messages[0].items() %}{{ value }}{% endfor %}", 0)]
    public void Warnings_SayWhatTheTemplateDoesNotRead(string template, int count)
    {
        var parsed = ChatTemplate.Parse(template, new Dictionary<string, string>());
        var encoder = new GemmaTextEncoder(Tokenizer.Load(Fixtures.SmallTokenizer), parsed);
        var turn = new ChatTurn(new Dictionary<string, object?>
        {
            ["role"] = "assistant",
            ["content"] = "x",
            ["tool_calls"] = new List<object?> { "call" },
            ["reasoning_content"] = "",
        });
        var row = new MessagesRow([turn])
        {
            TemplateVariables = new Dictionary<string, object?> { ["tools"] = new List<object?> { "clock" } },
        };
        var set = new ExampleBuilder(encoder, 1024, Trl).Build(new DataSet([row]));
        var warnings = LabelReport.Create(Packer.Pack(set, PackingStrategy.None, null), null).Warnings();
        Assert.Equal(count, warnings.Count(line => line.StartsWith("The chat template does not read ", StringComparison.Ordinal)));
        Assert.Equal(
            count > 0, warnings.Contains("The chat template does not read tools, which 1 row brings: it is not in what is trained."));
    }

    [Fact]
    public void Validate_RefusesDataThatTrainsNothing()
    {
        var report = Report(Trl with { MaxLength = 4 }, new PromptCompletionRow("pppp", "x"));
        var error = Assert.Throws<LapidaryException>(report.Validate);
        Assert.Contains("expected at least one trained token, found none in 0 rows (1 left out, 1 cut)", error.Message);
    }

    [Fact]
    public void Table_ShowsWhatIsTrained()
    {
        var tokens = TokenPreview.Create(new([2, 310, 210, 0], [2, 310, -100, 0]), Encoder);
        Assert.Equal([new(0, 2, "<bos>", false), new(1, 310, "n", true), new(2, 210, "\n", false), new(3, 0, "<pad>", true)], tokens);
        string[] lines = TokenPreview.Table(tokens).ReplaceLineEndings("\n").Split('\n');
        Assert.Equal(" index       id  trained  text", lines[0]);
        Assert.Equal("     2      210  no       \\n", lines[3]);
    }
}
