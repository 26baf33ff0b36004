using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;
using Lapidary.Gemma.Tests.Text;

namespace Lapidary.Gemma.Tests.Generation.Forms;

/// <summary>Which tokens a form allows, for the whole vocabularies of two tokenizers.</summary>
public class FormedTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("[1")]
    [InlineData("[123")]
    [InlineData("[1 é2")]
    [InlineData("[1 é2]")]
    public void AllowedTokens_OfTheSmallTokenizer_AreThoseWhoseBytesContinueTheText(string text) =>
        AssertAllowed(TokenizerFixtures.Small, new NumberList(), text);

    [Theory]
    [InlineData("")]
    [InlineData("[1")]
    [InlineData("[1 é2]")]
    public void AllowedTokens_OfGemmasTokenizer_AreThoseWhoseBytesContinueTheText(string text) =>
        AssertAllowed(TokenizerFixtures.Real, new NumberList(), text);

    /// <summary>Inside strings, tokens of plain characters are not looked at one by one.</summary>
    [Theory]
    [InlineData("""{"type": "string"}""", "\"a")]
    [InlineData("""{"type": "string", "minLength": 2, "maxLength": 5}""", "\"🙂")]
    [InlineData("""{"type": "string", "maxLength": 3}""", "\"abc")]
    [InlineData("""{"anyOf": [{"type": "string", "maxLength": 4}, {"const": "abcdefgh"}, {"type": "integer"}]}""", "\"a")]
    [InlineData("""{"additionalProperties": {"type": "string"}}""", "{\"a\": \"\\n")]
    [InlineData("""{"additionalProperties": true, "properties": {"the": {}}}""", "{\"th")]
    public void AllowedTokens_OfBothTokenizers_InStrings(string schema, string text)
    {
        var form = JsonForm.Of(JsonElement.Parse(schema));
        AssertAllowed(TokenizerFixtures.Small, form, text);
        AssertAllowed(TokenizerFixtures.Real, form, text);
    }

    /// <summary>é and numbers are written in byte tokens where the form leaves nothing else.</summary>
    [Fact]
    public void ACharacterMayComeInBytes()
    {
        var tokenizer = TokenizerFixtures.Small;
        var text = Begin(tokenizer);
        foreach (byte value in "[1 é2]"u8)
        {
            int id = tokenizer.TokenId($"<0x{value:X2}>")!.Value;
            Assert.True(text.Allows(id));
            text.Add(id);
        }

        Assert.True(text.Allows(tokenizer.EosTokenId!.Value));
    }

    [Fact]
    public void WhereNothingIsLeft_ThatIsSaid()
    {
        var tokenizer = TokenizerFixtures.Small;
        var text = new FormedText(new TokenForm(new DeadEnd(), tokenizer), [tokenizer.EosTokenId!.Value]);
        var error = Assert.Throws<LapidaryException>(() => text.Mask(new float[tokenizer.VocabSize]));
        Assert.StartsWith("Form: no token of the model continues the answer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFormWithoutStopTokens_IsRefused()
    {
        var options = new GenerationOptions { Form = new TokenForm(new NumberList(), TokenizerFixtures.Small) };
        var error = Assert.Throws<LapidaryException>(options.Validate);
        Assert.StartsWith("Form: expected StopTokenIds, found none", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The decoder says which text a token adds, and the form, byte by byte, whether it may.</summary>
    private static void AssertAllowed(Tokenizer tokenizer, ITextForm form, string written)
    {
        int stop = tokenizer.EosTokenId!.Value;
        var text = new FormedText(new TokenForm(form, tokenizer), [stop]);
        ITextForm? rest = form;
        foreach (int id in tokenizer.Encode(written, addSpecialTokens: false)) text.Add(id);
        foreach (byte value in Encoding.UTF8.GetBytes(written)) rest = rest!.After(value);
        float[] logits = new float[tokenizer.VocabSize + 8]; // an embedding may have more rows
        text.Mask(logits);

        var expected = Enumerable.Range(0, tokenizer.VocabSize).Where(id => id == stop ? rest!.MayEnd : IsAllowed(id)).ToList();
        Assert.Equal(expected, Enumerable.Range(0, logits.Length).Where(id => logits[id] == 0));
        Assert.Equal(expected, Enumerable.Range(0, logits.Length).Where(text.Allows));
        Assert.NotEmpty(expected);

        bool IsAllowed(int id)
        {
            string token = tokenizer.Token(id) ?? "";
            bool isByte = token is ['<', '0', 'x', _, _, '>'];
            byte[] bytes = isByte ? [Convert.ToByte(token[3..5], 16)] : Encoding.UTF8.GetBytes(tokenizer.Decode([id], true));
            return bytes.Length > 0 && bytes.Aggregate(rest, (before, next) => before?.After(next)) is not null;
        }
    }

    private static FormedText Begin(Tokenizer tokenizer) =>
        new(new TokenForm(new NumberList(), tokenizer), [tokenizer.EosTokenId!.Value]);

    private sealed class DeadEnd : ITextForm
    {
        public bool MayEnd => false;

        public ITextForm? After(byte next) => null;
    }
}
