using System.Text;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Text;

public class TokenizerFileTests
{
    private const string Tiny = """
        {"added_tokens":[{"id":9,"content":"<x>","special":true,"normalized":false}],"normalizer":null,"pre_tokenizer":null,
        "post_processor":null,"decoder":{"type":"Fuse"},"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,
        "vocab":{"<unk>":0,"a":1,"b":2,"ab":3," ":4,"b a":5,"b ":6,"aba":7},"merges":["a b","ab a"]}}
        """;

    [Fact]
    public void Load_ReadsMergesAsStringsOrPairs_BeforeOrAfterTheVocabulary()
    {
        int[] expected = [7, 0, 9, 3];
        Assert.Equal(expected, Load(Tiny).Encode("aba??<x>ab", addSpecialTokens: true));
        string pairs = Tiny.Replace("[\"a b\",\"ab a\"]", "[[\"a\",\"b\"],[\"ab\",\"a\"]]", StringComparison.Ordinal);
        Assert.Equal(expected, Load(pairs).Encode("aba??<x>ab", true));
        string swapped = Tiny.Replace(",\"merges\":[\"a b\",\"ab a\"]", "", StringComparison.Ordinal)
            .Replace("\"vocab\"", "\"merges\":[\"a b\",\"ab a\"],\"vocab\"", StringComparison.Ordinal);
        Assert.Equal(expected, Load(swapped).Encode("aba??<x>ab", true));
    }

    [Fact]
    public void Load_HonoursFuseUnk()
    {
        Assert.Equal([1, 0, 1], Load(Tiny).Encode("a??a", true));
        Assert.Equal(
            [1, 0, 0, 1], Load(Tiny.Replace("\"fuse_unk\":true", "\"fuse_unk\":false", StringComparison.Ordinal)).Encode("a??a", true));
    }

    [Fact]
    public void Load_MergesAcrossWords_WhereTheVocabularyDoes()
    {
        // "b a" crosses the space after b, so nothing may be cut there; the merge through the space must happen.
        string crossing = Tiny.Replace("[\"a b\",\"ab a\"]", "[[\"b\",\" \"],[\"b \",\"a\"]]", StringComparison.Ordinal);
        Assert.Equal([1, 5, 2], Load(crossing).Encode("ab ab", true));
    }

    [Fact]
    public void Load_MatchesNormalizedAddedTokens_InNormalizedText()
    {
        const string replace = "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"b\"}";
        string json = Tiny.Replace("\"normalizer\":null", replace, StringComparison.Ordinal)
            .Replace("\"content\":\"<x>\"", "\"content\":\"a a\"", StringComparison.Ordinal);
        string withoutMerges = json.Replace("\"ab\":3", "\"zz\":3", StringComparison.Ordinal)
            .Replace("[\"a b\",\"ab a\"]", "[]", StringComparison.Ordinal);
        Assert.Equal([1, 2, 1], Load(withoutMerges).Encode("aba", true));
        Assert.Equal([9], Load(json.Replace("\"normalized\":false", "\"normalized\":true", StringComparison.Ordinal)).Encode("aba", true));
        Assert.Equal([9], Load(json.Replace("\"normalized\":false", "\"normalized\":true", StringComparison.Ordinal)).Encode("a a", true));
    }

    [Theory]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model type \"Unigram\"")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFKC\"}", "normalizer \"NFKC\"")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"_\"}", "normalizer \"Prepend\"")]
    [InlineData("\"pre_tokenizer\":null", "\"pre_tokenizer\":{\"type\":\"ByteLevel\"}", "pre_tokenizer \"ByteLevel\"")]
    [InlineData("\"pre_tokenizer\":null", "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"}}", "pre_tokenizer Split")]
    [InlineData("\"post_processor\":null", "\"post_processor\":{\"type\":\"ByteLevel\"}", "post_processor \"ByteLevel\"")]
    [InlineData("{\"type\":\"Fuse\"}", "{\"type\":\"Metaspace\"}", "decoder \"Metaspace\"")]
    [InlineData("{\"type\":\"Fuse\"}", "null", "missing decoder")]
    [InlineData("\"special\":true", "\"lstrip\":true", "lstrip = true")]
    [InlineData("\"special\":true", "\"single_word\":true", "single_word = true")]
    [InlineData("\"fuse_unk\":true", "\"ignore_merges\":true", "ignore_merges")]
    [InlineData("\"fuse_unk\":true", "\"dropout\":0.1", "dropout")]
    [InlineData("\"fuse_unk\":true", "\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix")]
    [InlineData("\"a b\"", "\"a c\"", "merge 0")]
    [InlineData("\"a b\"", "\"ab\"", "merge")]
    [InlineData("\"a\":1", "\"a\":2", "twice")]
    [InlineData("\"a\":1", "\"a\":-1", "model.vocab")]
    [InlineData("\"a\":1", "\"a\":99999999", "model.vocab")]
    [InlineData("\"id\":9", "\"id\":1", "added_tokens[0]")]
    [InlineData("\"<unk>\":0,", "", "unk_token")]
    [InlineData("\"merges\"", "\"verges\"", "without \"merges\"")]
    [InlineData("}}", "", "tokenizer.json")]
    [InlineData("\"a\":1", "\"\\ud800\":1", "model.vocab")]
    [InlineData("\"a\":1", "\"a\":\"1\"", "model.vocab")]
    [InlineData("\"id\":9", "\"id\":\"9\"", "added_tokens[0].id")]
    [InlineData("\"id\":9", "\"ix\":9", "added_tokens[0]: expected \"id\"")]
    [InlineData("\"content\":\"<x>\"", "\"content\":null", "added_tokens[0].content")]
    [InlineData("\"special\":true", "\"special\":1", "added_tokens[0].special")]
    [InlineData("\"normalizer\":null", "\"normalizer\":[]", "normalizer: expected an object")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":{}}", "normalizer.normalizers")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"Replace\",\"pattern\":\" \"}", "normalizer.pattern")]
    [InlineData("\"pre_tokenizer\":null", "\"pre_tokenizer\":7", "pre_tokenizer: expected an object")]
    [InlineData("\"post_processor\":null", "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":1}", "post_processor.single")]
    [InlineData("\"fuse_unk\":true", "\"fuse_unk\":\"yes\"", "model.fuse_unk")]
    [InlineData("\"merges\"", "\"vocab\":{},\"merges\"", "model.vocab is there twice")]
    public void Load_RefusesWhatItCannotHonour(string found, string replacement, string named)
    {
        Assert.Contains(found, Tiny, StringComparison.Ordinal);
        var error = Assert.Throws<LapidaryException>(() => Load(Tiny.Replace(found, replacement, StringComparison.Ordinal)));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Load_RefusesBytesThatAreNoUtf8()
    {
        string folder = Fixtures.TemporaryFolder();
        byte[] json = System.Text.Encoding.UTF8.GetBytes(Tiny);
        json[Array.LastIndexOf(json, (byte)'a')] = 0xFF;
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.json"), json);
        Assert.Contains("UTF-8", Assert.Throws<LapidaryException>(() => Tokenizer.Load(folder)).Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>add_bos_token and add_eos_token go before tokenizer.json's post-processor; a text's own BOS or EOS is not doubled, and a
    /// prompt never ends.</summary>
    [Theory]
    [InlineData("""{"add_bos_token": true, "add_eos_token": true}""", true, true)]
    [InlineData("""{"add_bos_token": false, "add_eos_token": false}""", false, false)]
    [InlineData("""{"add_eos_token": true}""", true, true)]
    [InlineData("{}", true, false)]
    public void EncodeText_FollowsTheSettings(string settings, bool bos, bool eos)
    {
        string folder = Fixtures.TemporaryFolder();
        File.Copy(Path.Combine(TokenizerFixtures.SmallFolder, "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), settings);
        var tokenizer = Tokenizer.Load(folder);
        int[] bare = tokenizer.Encode("a b", addSpecialTokens: false), first = bos ? [2] : [], last = eos ? [1] : [];
        Assert.Equal(bos, tokenizer.AddsBos);
        Assert.Equal([.. first, .. bare, .. last], tokenizer.EncodeText("a b"));
        Assert.Equal([.. first, .. bare, .. last], tokenizer.Encode("a b", addSpecialTokens: true));
        Assert.Equal([.. first, .. bare], tokenizer.EncodePrompt("a b"));
        Assert.Equal([2, .. bare, 1], tokenizer.EncodeText("<bos>a b<eos>"));
        var template = ChatTemplate.Parse("{{ messages[0].content }}", new Dictionary<string, string>());
        Assert.Equal([.. first, .. bare], template.Encode(tokenizer, [new ChatTurn("user", "a b")], addGenerationPrompt: false));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Load_OfNamedTemplatesWithoutADefault_NamesThem()
    {
        string folder = Fixtures.TemporaryFolder();
        File.Copy(Path.Combine(TokenizerFixtures.SmallFolder, "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        const string Named = """{"chat_template": [{"name": "rag", "template": "r"}, {"name": "tool_use", "template": "t"}]}""";
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), Named);
        string message = Assert.Throws<LapidaryException>(() => ChatTemplate.Load(folder)).Message;
        Assert.Contains("rag, tool_use", message, StringComparison.Ordinal);
        Assert.Contains("tokenizer_config.json", message, StringComparison.Ordinal);
        File.WriteAllText(
            Path.Combine(folder, "tokenizer_config.json"), Named.Replace("rag", "default", StringComparison.Ordinal));
        Assert.Equal("r", ChatTemplate.Load(folder).Text);
        File.WriteAllBytes(Path.Combine(folder, "chat_template.jinja"), [(byte)'a', 0xFF]);
        message = Assert.Throws<LapidaryException>(() => ChatTemplate.Load(folder)).Message;
        Assert.Contains("chat_template.jinja", message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Load_OfNoFile_SaysWhatIsMissing() =>
        Assert.Contains(
            "tokenizer.json", Assert.Throws<LapidaryException>(() => Tokenizer.Load("/no/such/folder")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    public void Load_OfDamagedFiles_FailsOnlyWithLapidaryException(string name)
    {
        byte[] original = File.ReadAllBytes(Path.Combine(TokenizerFixtures.SmallFolder, name));
        string folder = Fixtures.TemporaryFolder();
        foreach (string file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(TokenizerFixtures.SmallFolder, file), Path.Combine(folder, file));
        var random = new Random(4);
        int failed = 0, tried = 120;
        for (int i = 0; i < tried; i++)
        {
            byte[] damaged = Damage(original, random);
            File.WriteAllBytes(Path.Combine(folder, name), damaged);
            try
            {
                var tokenizer = Tokenizer.Load(folder);
                tokenizer.Decode(tokenizer.Encode("SELECT name\n🙂> </ <bos>", addSpecialTokens: true), skipSpecialTokens: true);
                ChatTemplate.Load(folder).Render([new ChatTurn("user", "a")], addGenerationPrompt: true);
            }
            catch (LapidaryException)
            {
                failed++;
            }
        }

        Directory.Delete(folder, recursive: true);
        Assert.InRange(failed, 10, tried);
    }

    private static byte[] Damage(byte[] original, Random random)
    {
        // Mostly near the small sections at the start, where the structure is.
        int at = random.Next(random.Next(2) == 0 ? Math.Min(4000, original.Length) : original.Length);
        switch (random.Next(4))
        {
            case 0: return original[..at];
            case 1: return [.. original[..at], .. original[Math.Min(original.Length, at + random.Next(1, 40))..]];
            case 2: return [.. original[..at], (byte)random.Next(256), .. original[at..]];
            default:
                byte[] copy = [.. original];
                for (int i = 0; i < 3; i++) copy[Math.Min(copy.Length - 1, at + random.Next(20))] = (byte)random.Next(256);
                return copy;
        }
    }

    private static Tokenizer Load(string json)
    {
        string folder = Fixtures.TemporaryFolder();
        try
        {
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), json, new UTF8Encoding(false));
            return Tokenizer.Load(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
