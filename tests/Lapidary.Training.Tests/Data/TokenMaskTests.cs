using Lapidary.Formats;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Tests.Data;

/// <summary>Masks of rows that were tokenized beforehand.</summary>
public class TokenMaskTests
{
    private const string Completion = """{"input_ids":[2,10,11,12,13,1],"completion_mask":[0,0,0,1,1,1]}""";
    private const string Assistant = """{"input_ids":[2,10,11,12,13,1],"assistant_masks":[0,0,0,1,1,1]}""";
    private const string Padded =
        """{"input_ids":[2,10,11,12,1,0],"labels":[-100,10,11,12,1,-100],"attention_mask":[1,1,1,1,1,0],"completion_mask":[0,0,1,1,1,0]}""";

    [Theory]
    [InlineData(Completion, true, false, "-100,-100,-100,12,13,1")]
    [InlineData(Completion, null, false, "-100,-100,-100,12,13,1")]
    [InlineData(Completion, false, false, "2,10,11,12,13,1")]
    [InlineData(Assistant, null, true, "-100,-100,-100,12,13,1")]
    [InlineData(Assistant, null, false, "2,10,11,12,13,1")]
    [InlineData(Padded, false, false, "-100,10,11,12,1")]
    [InlineData(Padded, true, false, "-100,-100,11,12,1")]
    [InlineData(
        """{"input_ids":[0,2,10,11,1],"attention_mask":[0,1,1,1,1],"assistant_masks":[0,0,0,1,1]}""", null, true, "-100,-100,11,1")]
    [InlineData(
        """{"input_ids":[0,2,10,11,1],"attention_mask":[0,1,1,1,1],"completion_mask":[0,0,0,1,1]}""", true, false, "-100,-100,11,1")]
    [InlineData("""{"input_ids":[2,10,1],"completion_mask":[false,true,true]}""", true, false, "-100,10,1")]
    public void Masks_AreHonoured(string line, bool? completionOnly, bool assistantOnly, string expected)
    {
        var example = Build(line, completionOnly, assistantOnly).All().Single();
        Assert.Equal(expected, string.Join(',', example.Labels));
    }

    [Theory]
    [InlineData("""{"input_ids":[2,10,1]}""", true, false, "CompletionOnlyLoss expects completion_mask")]
    [InlineData("""{"input_ids":[2,10,1],"labels":[-100,10,1]}""", null, true, "AssistantOnlyLoss expects assistant_masks")]
    [InlineData(
        """{"input_ids":[2,10,1],"completion_mask":[0,1]}""",
        null, false, "expected as many values in \"completion_mask\" as input_ids")]
    [InlineData(
        """{"input_ids":[2,10,1],"attention_mask":[0,2,1]}""",
        null, false, "list of 0 and 1 in \"attention_mask\", found 2 among them")]
    [InlineData("""{"input_ids":[2],"assistant_masks":"x"}""", null, false, "\"assistant_masks\", found a string that is not JSON")]
    public void Masks_ThatAreNotThere_AreRefused(string line, bool? completionOnly, bool assistantOnly, string expected) =>
        Assert.Contains(
            expected, Assert.Throws<LapidaryException>(() => Build(line, completionOnly, assistantOnly)).Message, StringComparison.Ordinal);

    private static ExampleSet Build(string line, bool? completionOnly, bool assistantOnly)
    {
        using var file = new TemporaryFile("a.jsonl", line);
        ExampleOptions options = TrlOptions.Default with { CompletionOnlyLoss = completionOnly, AssistantOnlyLoss = assistantOnly };
        return new ExampleBuilder(null, ToyEncoder.Vocabulary, options).Build(DataSet.Load(file.Name));
    }
}
