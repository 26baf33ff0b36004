using Lapidary.Formats;
using Lapidary.Gemma.Sources;
using Lapidary.Hub;

namespace Lapidary.Gemma.Tests.Sources;

public class HubFilesTests
{
    private const string Id = "a/b";

    private static readonly string[] Whole =
    [
        ".gitattributes", "README.md", "config.json", "generation_config.json", "model.safetensors", "onnx/model.onnx",
        "original/consolidated.00.pth", "pytorch_model.bin", "special_tokens_map.json", "tokenizer.json", "tokenizer.model",
        "tokenizer_config.json", "sub/config.json", "sub/model.safetensors", "gemma.gguf", "chat_template.jinja",
    ];

    private static string[] Names(HubFiles files, params string[] repository) =>
        [.. files.Select(Id, [.. repository.Select(name => new RepoFile(name, 1, "", null))]).Select(file => file.Path).Order()];

    [Fact]
    public void AModel_IsItsRootWithoutOtherWeights() => Assert.Equal(
        [
            "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "special_tokens_map.json",
            "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        ],
        Names(HubFiles.Model, Whole));

    [Fact]
    public void ADescription_HasNoWeights() => Assert.DoesNotContain("model.safetensors", Names(HubFiles.Description, Whole));

    [Fact]
    public void ATokenizer_IsItsOwnFiles() => Assert.Equal(
        [
            "chat_template.jinja", "config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        ],
        Names(HubFiles.Tokenizer, Whole));

    [Fact]
    public void Shards_ComeWithTheirIndex_AndOnlyWithoutTheOneFile()
    {
        string[] shards =
            ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"];
        Assert.Equal(shards, Names(HubFiles.Model, [.. shards, "consolidated.safetensors"]));
        Assert.Equal(["config.json", "model.safetensors"], Names(HubFiles.Model, [.. shards, "model.safetensors"]));
    }

    [Fact]
    public void AnAdapter_ComesWithItsTokenizer_AndWithoutCheckpoints() => Assert.Equal(
        ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"],
        Names(
            HubFiles.Adapter, "adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "README.md", "run.yaml",
            "checkpoint-5/adapter_model.safetensors", "optimizer.safetensors"));

    [Theory]
    [InlineData("adapter_config.json adapter_model.safetensors", "found an adapter; give it as the adapter")]
    [InlineData("gemma-q4.gguf README.md", "GGUF")]
    [InlineData("config.json pytorch_model.bin", "pickle files, which could run code")]
    [InlineData("config.json", "expected model.safetensors or its shards")]
    [InlineData("config.json model-00001-of-00002.safetensors", "model.safetensors.index.json")]
    [InlineData("README.md data.csv", "found 2 others (README.md, …); check the id")]
    [InlineData("", "found no files")]
    public void SomethingElse_IsSaid(string repository, string words)
    {
        string[] names = repository.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var error = Assert.Throws<LapidaryException>(() => Names(HubFiles.Model, names));
        Assert.StartsWith("a/b: expected ", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json model.safetensors", "found a model; give it as the model")]
    [InlineData("adapter_config.json adapter_model.bin", "pickle files")]
    public void AnAdapter_ThatIsNone_IsSaid(string repository, string words)
    {
        var error = Assert.Throws<LapidaryException>(() => Names(HubFiles.Adapter, repository.Split(' ')));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }
}
