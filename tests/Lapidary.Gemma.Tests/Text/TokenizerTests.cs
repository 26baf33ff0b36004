using System.Text;
using System.Text.Json;
using Lapidary.Jinja;

namespace Lapidary.Gemma.Tests.Text;

public class TokenizerTests
{
    [Fact]
    public void Small_MatchesHuggingFace()
    {
        var expected = TokenizerFixtures.Json("tokenizer/small-cases.json");
        Assert.Equal(expected.GetProperty("vocab").GetInt32(), TokenizerFixtures.Small.VocabSize);
        Assert.Equal(220, MatchesAll(TokenizerFixtures.Small, expected));
    }

    [Fact]
    public void Gemma_MatchesHuggingFace()
    {
        var expected = TokenizerFixtures.Json("tokenizer/cases.json");
        Assert.Equal(expected.GetProperty("vocab").GetInt32(), TokenizerFixtures.Real.VocabSize);
        Assert.Equal(545, MatchesAll(TokenizerFixtures.Real, expected));
    }

    [Fact]
    public void Gemma_HasItsSpecialTokens()
    {
        var tokenizer = TokenizerFixtures.Real;
        Assert.Equal((2, 0, 3), (tokenizer.BosTokenId, tokenizer.PadTokenId, tokenizer.UnkTokenId));
        Assert.Equal(106, tokenizer.TokenId("<end_of_turn>"));
        Assert.Equal("<image_soft_token>", tokenizer.Token(262144));
        Assert.True(tokenizer.IsSpecial(105));
        Assert.False(tokenizer.IsSpecial(107));
        Assert.Null(tokenizer.Token(262145));
        Assert.Null(tokenizer.TokenId("no such token"));
    }

    [Fact]
    public void EncodeWithOffsets_MatchesHuggingFace()
    {
        foreach (var example in TokenizerFixtures.Json("tokenizer/small-cases.json").GetProperty("cases").EnumerateArray())
        {
            string text = example.Text("text");
            int[] units = CodePointStarts(text);
            var offsets = example.GetProperty("offsets").EnumerateArray()
                .Select(pair => new TextSpan(units[pair[0].GetInt32()], units[pair[1].GetInt32()]));
            var (ids, spans) = TokenizerFixtures.Small.EncodeWithOffsets(text, addSpecialTokens: false);
            Assert.Equal(example.Ids("ids"), ids);
            Assert.Equal(offsets, spans);
        }
    }

    [Fact]
    public void EncodeWithOffsets_GivesAddedBosNoText()
    {
        var (ids, spans) = TokenizerFixtures.Small.EncodeWithOffsets("a🙂", addSpecialTokens: true);
        Assert.Equal(TokenizerFixtures.Small.Encode("a🙂", addSpecialTokens: true), ids);
        Assert.Equal(new TextSpan(0, 0), spans[0]);
        Assert.Equal(new TextSpan(0, 1), spans[1]);
        Assert.All(spans[2..], span => Assert.Equal(new TextSpan(1, 3), span));
    }

    [Fact]
    public void Decode_MatchesRust_OnInvalidByteRuns()
    {
        foreach (var example in TokenizerFixtures.Json("tokenizer/small-cases.json").GetProperty("decodes").EnumerateArray())
        {
            Assert.Equal(
                example.Text("text"), TokenizerFixtures.Small.Decode(example.Ids("ids"), example.GetProperty("skip").GetBoolean()));
        }
    }

    [Fact]
    public void TokenStream_JoinsToDecode_AndSplitsNoCharacter()
    {
        foreach (var example in TokenizerFixtures.Json("tokenizer/small-cases.json").GetProperty("decodes").EnumerateArray())
        {
            bool skip = example.GetProperty("skip").GetBoolean();
            var stream = TokenizerFixtures.Small.NewStream(skip);
            var parts = example.Ids("ids").Select(stream.Append).ToList();
            parts.Add(stream.Finish());
            Assert.Equal(example.Text("text"), string.Concat(parts));
            Assert.All(parts, part => Assert.Equal(part, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(part))));
        }
    }

    [Fact]
    public void TokenStream_HoldsBytesBack_UntilTheRunEnds()
    {
        var tokenizer = TokenizerFixtures.Small;
        var stream = tokenizer.NewStream(skipSpecialTokens: true);
        foreach (int id in tokenizer.Encode("日", addSpecialTokens: false)) Assert.Equal("", stream.Append(id));
        Assert.Equal("日a", stream.Append(tokenizer.TokenId("a")!.Value));
        Assert.Equal("", stream.Finish());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Decode_OfEncode_IsTheText(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 300; i++)
        {
            string text = RandomText(random, random.Next(60)).Replace('▁', '_');
            Assert.Equal(
                text,
                TokenizerFixtures.Small.Decode(TokenizerFixtures.Small.Encode(text, addSpecialTokens: false), skipSpecialTokens: false));
        }
    }

    [Fact]
    public void Encode_IgnoresWhereATextIsCut_AndWhatIsCached()
    {
        // The first encoding fills the cache, the second uses it; a fresh tokenizer has neither.
        var random = new Random(3);
        var fresh = Tokenizer.Load(TokenizerFixtures.SmallFolder);
        for (int i = 0; i < 100; i++)
        {
            string text = RandomText(random, 200);
            int[] first = TokenizerFixtures.Small.Encode(text, addSpecialTokens: false);
            Assert.Equal(first, TokenizerFixtures.Small.Encode(text, addSpecialTokens: false));
            Assert.Equal(first, fresh.Encode(text, addSpecialTokens: false));
        }
    }

    [Fact]
    public void Encode_ReadsLoneSurrogates_AsReplacementCharacters()
    {
        var tokenizer = TokenizerFixtures.Small;
        foreach (string text in (string[])["\ud800", "a\udc00b", "\udc00\ud800", "x \ud83d y", "\ud83d"])
        {
            string replaced = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(tokenizer.Encode(replaced, true), tokenizer.Encode(text, true));
            Assert.Equal(replaced, tokenizer.Decode(tokenizer.Encode(text, false), false));
        }
    }

    [Theory]
    [InlineData("x")]
    [InlineData("ab")]
    [InlineData("SELECT")]
    [InlineData("=")]
    [InlineData("🙂")]
    [InlineData("é日a")]
    public void Encode_TakesLongTextsWithoutABreak(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 20_000 / unit.Length));
        int[] ids = TokenizerFixtures.Small.Encode(text, addSpecialTokens: false);
        Assert.Equal(text, TokenizerFixtures.Small.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_IsThreadSafe()
    {
        var tokenizer = Tokenizer.Load(TokenizerFixtures.SmallFolder);
        var cases = TokenizerFixtures.Json("tokenizer/small-cases.json").GetProperty("cases").EnumerateArray()
            .Select(example => (Text: example.Text("text"), Ids: example.Ids("ids"))).ToList();
        Parallel.For(
            0, 4 * cases.Count,
            i => Assert.Equal(cases[i % cases.Count].Ids, tokenizer.Encode(cases[i % cases.Count].Text, addSpecialTokens: false)));
    }

    [Fact]
    public void BeginsWithBos_SeesTheToken()
    {
        Assert.True(TokenizerFixtures.Small.BeginsWithBos("<bos>a"));
        Assert.False(TokenizerFixtures.Small.BeginsWithBos("a<bos>"));
    }

    private static int MatchesAll(Tokenizer tokenizer, JsonElement expected)
    {
        int count = 0;
        foreach (var example in expected.GetProperty("cases").EnumerateArray())
        {
            string text = example.Text("text");
            int[] ids = example.Ids("ids");
            Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens: false));
            Assert.Equal(example.Ids("ids_bos"), tokenizer.Encode(text, addSpecialTokens: true));
            Assert.Equal(example.Text("decoded"), tokenizer.Decode(ids, skipSpecialTokens: false));
            Assert.Equal(example.Text("decoded_skip"), tokenizer.Decode(ids, skipSpecialTokens: true));
            count++;
        }

        return count;
    }

    private static int[] CodePointStarts(string text)
    {
        var starts = new List<int>();
        for (int i = 0; i < text.Length; i += char.IsSurrogatePair(text, i) ? 2 : 1) starts.Add(i);
        return [.. starts, text.Length];
    }

    private static string RandomText(Random random, int length)
    {
        string[] parts =
        [
            "SELECT ", "name", " ", "  ", "\n", "\t", "<bos>", "<end_of_turn>", "> </",
            "é", "日", "🙂", "▁", "a", "=", "0", "\u0000", "<0x41>",
        ];
        string Next() => random.Next(3) == 0 ? ((char)random.Next(32, 0x3000)).ToString() : parts[random.Next(parts.Length)];
        return string.Concat(Enumerable.Range(0, length).Select(_ => Next()));
    }
}
