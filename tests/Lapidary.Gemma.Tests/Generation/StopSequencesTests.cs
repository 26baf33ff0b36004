
namespace Lapidary.Gemma.Tests.Generation;

public class StopSequencesTests
{
    [Theory]
    [InlineData("one two", "x", "one two", false)]
    [InlineData("one;two", ";", "one", true)]
    [InlineData("aab", "ab", "a", true)]
    [InlineData("abc</s", "</s>", "abc</s", false)]
    [InlineData("a</s>b", "</s>", "a", true)]
    [InlineData("xyz", "yz,xy", "", true)]
    public void Append_EndsBeforeTheFirst_HoweverThePiecesCut(string text, string sequences, string expected, bool stopped)
    {
        for (int size = 1; size <= text.Length; size++)
        {
            var stop = new StopSequences(sequences.Split(','));
            string result = "";
            foreach (var piece in text.Chunk(size))
            {
                if (!stop.IsStopped) result += stop.Append(new string(piece));
            }

            result += stop.Finish();
            Assert.Equal(expected, result);
            Assert.Equal(stopped, stop.IsStopped);
        }
    }

    [Fact]
    public void Append_HoldsBackOnlyWhatMayBeginASequence()
    {
        var stop = new StopSequences(["abab"]);

        Assert.Equal("xy", stop.Append("xyab"));
        Assert.Equal("ab", stop.Append("c")[..2]);
        Assert.Equal("", stop.Finish());
    }
}
