using System.Text.Json;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;
using Lapidary.Gemma.Tests.Text;

namespace Lapidary.Gemma.Tests.Generation.Forms;

/// <summary>How often parts of a form are asked. Schemas come from strangers, and the steps of all answers wait for the slowest
/// form.</summary>
public class FormCostTests
{
    [Fact]
    public void AlternativesThatBeginAlternatives_AreTriedUntilThereAreEnough()
    {
        var count = new Counter();
        var lists = Choice.Of([.. Enumerable.Range(0, Choice.MaxForms).Select(i => new Nest(i, count))])!;
        var inner = lists.After((byte)'[')!;
        Assert.Equal((1, Choice.MaxForms), (count.Asked, inner.Alternatives.Count));
    }

    [Fact]
    public void TokensThatOneAlternativeAllows_AreNotAskedOfTheOthers()
    {
        var tokens = TokenBytes.Of(TokenizerFixtures.Small);
        ulong[] one = Allowed(1, out int asked), many = Allowed(8, out int askedOfMany);
        Assert.Equal(one, many);
        Assert.Equal(asked, askedOfMany);
        Assert.True(asked > 0);

        ulong[] Allowed(int forms, out int asked)
        {
            var count = new Counter();
            ulong[] allowed = new ulong[(TokenizerFixtures.Small.VocabSize + 63) / 64];
            tokens.FindAllowed(Choice.Of([.. Enumerable.Range(0, forms).Select(i => new AnyText(i, count))])!, allowed);
            asked = count.Asked;
            return allowed;
        }
    }

    /// <summary>What the second form allows is found though tokens before, which the first allows, are passed over.</summary>
    [Theory]
    [InlineData("""{"anyOf": [{"type": "integer"}, {"type": "number"}, {"const": "1e"}]}""", "")]
    [InlineData("""{"anyOf": [{"enum": ["a", "b"]}, {"enum": ["abc", "b ", "bc"]}, {"maxLength": 3}]}""", "\"")]
    [InlineData("""{"anyOf": [{"items": {"type": "null"}}, {"items": {"$ref": "#"}}, {"items": {"type": "string"}}]}""", "[")]
    public void AllowedTokens_OfAlternatives_AreThoseOfAny(string schema, string text)
    {
        ITextForm form = JsonForm.Of(JsonElement.Parse(schema));
        foreach (char next in text) form = form.After((byte)next)!;
        var tokens = TokenBytes.Of(TokenizerFixtures.Small);
        ulong[] allowed = new ulong[(TokenizerFixtures.Small.VocabSize + 63) / 64];
        tokens.FindAllowed(form, allowed);
        int seen = 0;
        for (int id = 0; id < TokenizerFixtures.Small.VocabSize; id++)
        {
            ITextForm? rest = tokens[id].IsEmpty ? null : form;
            foreach (byte next in tokens[id]) rest = rest?.After(next);
            bool isAllowed = ((allowed[id / 64] >> id) & 1) != 0;
            Assert.Equal(rest is not null, isAllowed);
            seen += isAllowed ? 1 : 0;
        }

        Assert.True(seen > 2, $"{seen}");
    }

    [Fact]
    public void AValue_IsBegunOnlyByAByteThatCanBeginIt()
    {
        var item = new CountedShape();
        item.LowerHeight();
        var list = new ArrayShape([], item, min: 0, max: 9).Begin(new TextEnd(), 0).After((byte)'[')!;
        for (int next = 0; next < 256; next++) list.After((byte)next);
        Assert.Equal(1, item.Begun);
        var second = list.After((byte)'x')!.After((byte)',')!;
        Assert.Equal(2, item.Begun);
        for (int next = 0; next < 256; next++) second.After((byte)next);
        Assert.Equal(3, item.Begun);
    }

    private sealed class Counter
    {
        public int Asked { get; set; }
    }

    private sealed record AnyText(int Number, Counter Count) : ITextForm
    {
        public bool MayEnd => true;

        public ITextForm? After(byte next)
        {
            Count.Asked++;
            return this;
        }
    }

    private sealed record Nest(int Number, Counter Count) : ITextForm
    {
        public bool MayEnd => false;

        public ITextForm? After(byte next)
        {
            Count.Asked++;
            return Choice.Of([.. Enumerable.Range(0, Choice.MaxForms).Select(i => new Nest((Choice.MaxForms * Number) + i, Count))]);
        }
    }

    private sealed class CountedShape : JsonShape
    {
        public int Begun { get; private set; }

        public override bool BeginsWith(byte first) => first == 'x';

        public override ITextForm Begin(ITextForm then, int depth)
        {
            Begun++;
            return new Mark('x', then);
        }

        protected override int HeightOfParts() => 0;
    }
}
