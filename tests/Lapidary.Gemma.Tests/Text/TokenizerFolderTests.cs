using Lapidary.Formats;
using Lapidary.Gemma.Configuration;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Text;

public sealed class TokenizerFolderTests : IDisposable
{
    private const string Template = "{{ bos_token }}{{ messages[0].content }}<e>";

    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Resolve_TakesTheOneAskedForThenTheAdaptersThenTheModels()
    {
        string empty = New("empty"), model = New("model", TokenizerFixtures.SmallFolder), adapter = New("adapter", model);
        Assert.Equal(_folder + "/asked", TokenizerFolder.Resolve(model, adapter, New("asked", model)));
        Assert.Equal(adapter, TokenizerFolder.Resolve(model, adapter));
        Assert.Equal(model, TokenizerFolder.Resolve(model, empty));
        Assert.Equal(model, TokenizerFolder.Resolve(model));
        Assert.Null(TokenizerFolder.Resolve(empty, empty));
        string message = Assert.Throws<LapidaryException>(() => TokenizerFolder.Resolve(model, adapter, empty)).Message;
        Assert.Contains("tokenizer.json", message, StringComparison.Ordinal);
    }

    /// <summary>A cache that is half deleted leaves links to nothing; another template in their place would train another text.</summary>
    [Theory]
    [InlineData("chat_template.jinja")]
    [InlineData("tokenizer_config.json")]
    public void AnOptionalFileThatIsALinkToNothing_IsRefused(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        string folder = New("cached", TokenizerFixtures.SmallFolder);
        File.Delete(Path.Combine(folder, name));
        File.CreateSymbolicLink(Path.Combine(folder, name), Path.Combine(_folder, "gone"));
        string message = Assert.Throws<LapidaryException>(() => ChatTemplate.Load(folder)).Message;
        Assert.Contains($"{name}: file not found", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copy_LeavesNoFileOfAnotherTokenizer()
    {
        string source = New("source", TokenizerFixtures.SmallFolder), target = New("target");
        File.WriteAllText(target + "/chat_template.jinja", "old");
        File.WriteAllText(target + "/README.md", "stays");
        TokenizerFolder.Copy(source, target);
        Assert.Equal(ChatTemplate.Load(source).Text, ChatTemplate.Load(target).Text);
        Assert.True(File.Exists(target + "/README.md"));
    }

    [Fact]
    public void Copy_OfATemplateAlone_KeepsTheTokenizer()
    {
        string source = New("source"), target = New("target");
        File.WriteAllText(Path.Combine(source, "chat_template.jinja"), "new");
        foreach (string name in new[] { "tokenizer.json", "chat_template.jinja" }) File.WriteAllText(Path.Combine(target, name), "old");
        TokenizerFolder.Copy(source, target);
        Assert.Equal("old", File.ReadAllText(Path.Combine(target, "tokenizer.json")));
        Assert.Equal("new", File.ReadAllText(Path.Combine(target, "chat_template.jinja")));
    }

    /// <summary>What tokenizer_config.json says goes before what stands elsewhere.</summary>
    [Fact]
    public void Read_TakesTheFirstFileThatSays()
    {
        string folder = New("config");
        const string Tokens = """{"bos_token": "<1>", "add_bos_token": false, "add_eos_token": false, "chat_template": "one"}""";
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), Tokens);
        const string Others = """{"bos_token": "<2>", "add_bos_token": true, "add_eos_token": true, "chat_template": "two"}""";
        foreach (string name in new[] { "special_tokens_map.json", "chat_template.json" })
            File.WriteAllText(Path.Combine(folder, name), Others);
        var config = Lapidary.Gemma.Text.TokenizerConfig.Read(folder);
        Assert.Equal(("<1>", false, false, "one"), (config["bos_token"], config.AddBosToken, config.AddEosToken, config.Template?.Text));
    }

    [Theory]
    [InlineData("[3]", "a list of objects with name and template")]
    [InlineData("""[{"template": "x"}]""", "name: expected a string")]
    [InlineData("""[{"name": "default", "template": 3}]""", "template: expected a string")]
    public void Read_RefusesAListOfTemplatesThatIsNone(string list, string words)
    {
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), $$"""{"chat_template": {{list}}}""");
        string message = Assert.Throws<LapidaryException>(() => Lapidary.Gemma.Text.TokenizerConfig.Read(_folder)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_WritesATemplateOfAnotherFolder()
    {
        string target = New("target"), plain = New("plain");
        File.Copy(TokenizerFixtures.SmallFolder + "/tokenizer.json", plain + "/tokenizer.json");
        var template = ChatTemplate.Parse(Template, new Dictionary<string, string>());
        TokenizerFolder.Save(Tokenizer.Load(plain), template, target);
        Assert.Equal(Template, ChatTemplate.Load(target).Text);
    }

    [Fact]
    public void CopyMerged_StopsWhereBaseAndAdapterStop()
    {
        string model = New("model", TokenizerFixtures.SmallFolder), run = New("run", model), merged = New("merged");
        File.WriteAllText(model + "/generation_config.json", """{"eos_token_id": 1, "top_k": 64, "renamed": [1.50]}""");
        var config = GemmaConfig.Load(Fixtures.Path("tiny/model"));
        var tokenizer = Tokenizer.Load(run);
        ModelFolder.CopyMerged(model, merged, run, config);
        var stops = GenerationOptions.From(GenerationConfig.Load(model, config), tokenizer).StopTokenIds;
        Assert.Contains(tokenizer.EndOfTurnTokenId!.Value, stops);
        Assert.Equal(stops, GenerationConfig.Load(merged, config).EosTokenIds);
        Assert.Contains("1.50", File.ReadAllText(merged + "/generation_config.json"), StringComparison.Ordinal);

        File.Delete(model + "/generation_config.json");
        Directory.Delete(merged, recursive: true);
        ModelFolder.CopyMerged(model, New("merged"), run, config);
        Assert.Equal(stops, GenerationConfig.Load(merged, config).EosTokenIds);
        Assert.Equal(2, GenerationConfig.Load(merged, config).BosTokenId);
    }

    private string New(string name, string? source = null)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        foreach (string file in source is null ? [] : Directory.GetFiles(source))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return folder;
    }
}
