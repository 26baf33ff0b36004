namespace Lapidary.Hub.Tests.Cards;

public sealed class ModelCardTests
{
    internal static readonly ModelCard Card = new()
    {
        BaseModel = "google/gemma-3-1b-pt",
        BaseModelRelation = "adapter",
        LibraryName = "peft",
        PipelineTag = "text-generation",
        License = "gemma",
        Tags = ["base_model:adapter:google/gemma-3-1b-pt", "lora", "no", "1e-5", "two words: \"q\""],
        Datasets = ["philschmid/gretel-synthetic-text-to-sql:train[:1000]"],
        ModelName = "text-to-sql",
        Results =
        [
            new CardResult("loss", 0.25, "philschmid/gretel-synthetic-text-to-sql"),
            new CardResult("accuracy", 1e-5, "philschmid/gretel-synthetic-text-to-sql"),
            new CardResult("perplexity", double.NaN, "philschmid/gretel-synthetic-text-to-sql"),
            new CardResult("loss", 1, "/data/rows.jsonl"),
        ],
        Body = "# text-to-sql\n",
    };

    [Fact]
    public void FrontMatter_IsWhatTheHubReads() => Assert.Equal(
        """
        ---
        base_model: google/gemma-3-1b-pt
        base_model_relation: adapter
        datasets:
        - philschmid/gretel-synthetic-text-to-sql
        library_name: peft
        license: gemma
        pipeline_tag: text-generation
        tags:
        - base_model:adapter:google/gemma-3-1b-pt
        - lora
        - "no"
        - "1e-5"
        - "two words: \"q\""
        model-index:
        - name: text-to-sql
          results:
          - task:
              type: text-generation
            dataset:
              type: philschmid/gretel-synthetic-text-to-sql
              name: philschmid/gretel-synthetic-text-to-sql
            metrics:
            - type: loss
              value: 0.25
            - type: accuracy
              value: 0.00001
        ---

        # text-to-sql

        """.ReplaceLineEndings("\n"), Card.ToText());

    [Fact]
    public void PathsOfThisMachine_AreLeftOut()
    {
        string folder = Directory.CreateTempSubdirectory("lapidary-card-").FullName;
        try
        {
            string text = (Card with { BaseModel = folder, Datasets = [folder, "rows.jsonl", "./a/b", "C:\\rows"], Results = [] }).ToText();
            Assert.DoesNotContain("base_model:\n", text, StringComparison.Ordinal);
            Assert.DoesNotContain("base_model_relation", text, StringComparison.Ordinal);
            Assert.DoesNotContain("datasets", text, StringComparison.Ordinal);
            Assert.DoesNotContain(folder, text, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    [Theory]
    [InlineData("google/gemma-3-1b-pt", "google/gemma-3-1b-pt")]
    [InlineData("org/name@v1", "org/name")]
    [InlineData("org/name:train[90%:]", "org/name")]
    [InlineData("gpt2", null)]
    [InlineData("/tmp", null)]
    [InlineData("a/b/c", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void AnId_HasAnOwner(string? text, string? id) => Assert.Equal(id, ModelCard.IdOf(text));
}
