using System.Numerics;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Tests.Data;

public class RowBytesTests
{
    private static readonly RowOrigin Origin = new("a.jsonl", "line", 3);

    private static readonly Dictionary<string, object?> Values = new()
    {
        ["null"] = null,
        ["flags"] = new List<object?> { true, false },
        ["numbers"] = new List<object?> { 0L, -1L, long.MaxValue, BigInteger.Parse("-123456789012345678901234567890"), 1.5, double.NaN },
        ["text"] = "a\0é\u9999😀",
        ["half"] = "\ud800",
        ["empty"] = new Dictionary<string, object?>(),
        ["nested"] = new List<object?> { new Dictionary<string, object?> { ["b"] = 1L, ["a"] = "" }, new List<object?>() },
    };

    public static TheoryData<DataRow> Rows =>
    [
        new TextRow(""),
        new TextRow(new string('\u9999', 5000)),
        new TextRow("half of a pair: \udc00, \ud83d\ude00"),
        new PromptCompletionRow("p ", "c"),
        new MessagesRow([new("user", "q"), new ChatTurn("assistant", "a") with { IsTrained = false }, new("tool", "")]),
        new MessagesRow([new("user", [new ChatPart("text", "x"), new ChatPart("image")])]) { TemplateVariables = Values },
        new MessagesRow([new ChatTurn(new Dictionary<string, object?>(Values) { ["role"] = "assistant", ["content"] = "t" })]),
        new ConversationalPromptRow([new("user", "q")], [new("assistant", "a")]) { TemplateVariables = new Dictionary<string, object?>() },
        new TokensRow([], null),
        new TokensRow([int.MaxValue, -1, 0], [-100, 5, 0]) { CompletionMask = [true, false, true], AssistantMask = [] },
    ];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Read_GivesTheRowBack(DataRow row)
    {
        var bytes = new ByteBuilder();
        bytes.Byte(0xFF); // what was there before
        bytes.Clear();
        RowBytes.Write(bytes, row);
        var read = RowBytes.Read(bytes.Span, Origin);
        Assert.Equal(Origin, read.Origin);
        Assert.Equivalent(row, read with { Origin = row.Origin }, strict: true);

        // Dictionaries keep their order, and nothing that is cut off is a row.
        var again = new ByteBuilder();
        RowBytes.Write(again, read);
        Assert.Equal(bytes.Span, again.Span);
        for (int length = 0; length < Math.Min(bytes.Length, 200); length++)
        {
            byte[] cut = bytes.Span[..length].ToArray();
            Assert.Throws<InvalidDataException>(() => RowBytes.Read(cut, Origin));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100_000)]
    [InlineData(long.MaxValue)]
    public void ByteStore_ReadsWhatWasAppended(long memoryBytes)
    {
        string folder = Lapidary.Tests.Fixtures.TemporaryFolder();
        var random = new Random(3);
        byte[] all = new byte[700_000];
        random.NextBytes(all);
        var store = new ByteStore(memoryBytes, folder);
        for (int at = 0; at < all.Length;)
        {
            int count = Math.Min(random.Next(0, 90_000), all.Length - at);
            store.Append(all.AsSpan(at, count));
            at += count;
        }

        Assert.Equal(all.Length, store.Length);
        Assert.Equal(memoryBytes < all.Length, store.IsSpilled);
        for (int i = 0; i < 200; i++)
        {
            int start = random.Next(all.Length), count = random.Next(0, all.Length - start);
            byte[] part = new byte[count];
            store.Read(start, part);
            Assert.True(all.AsSpan(start, count).SequenceEqual(part));
        }

        var read = new MemoryStream();
        store.ReadAll(part => read.Write(part.Span));
        Assert.Equal(all, read.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Read(all.Length - 1, new byte[2]));

        // The file has no name, so that nothing stays of it after a kill.
        if (!OperatingSystem.IsWindows()) Assert.Empty(Directory.GetFiles(folder));
        Directory.Delete(folder, recursive: true);
    }
}
