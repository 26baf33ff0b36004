using Lapidary.Formats;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;
using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace Lapidary.Training.Tests.Data;

public class ParquetRecordsTests
{
    private sealed class Message
    {
        public string? role { get; set; }
        public string? content { get; set; }
    }

    private sealed class Chat
    {
        public DateTime when { get; set; }
        public List<Message>? messages { get; set; }
    }

    private sealed class Tokens
    {
        public List<int>? input_ids { get; set; }
        public List<long?>? labels { get; set; }
    }

    [Fact]
    public async Task Load_ReadsMessages()
    {
        byte[] bytes = await Write(
            new Chat { messages = [new() { role = "user", content = "q" }, new() { role = "assistant", content = "" }] },
            new Chat { messages = [new() { role = "user", content = "é😀" }] });
        Assert.Equal(["user: q | assistant: ", "user: é😀"], RowText.Of(Load(bytes)));
    }

    [Theory]
    [InlineData(0, "row 2: expected a list of messages in \"messages\", found null")]
    [InlineData(1, "row 2: expected a list of messages in \"messages\", found an empty list")]
    [InlineData(2, "row 2: \"messages\" message 2: expected content to be a string or a list of text parts, found null")]
    public async Task Load_TellsNullFromEmpty(int kind, string expected)
    {
        List<Message>? messages = kind switch
        {
            0 => null,
            1 => [],
            _ => [new() { role = "user", content = "a" }, new() { role = "assistant" }],
        };
        byte[] bytes = await Write(new Chat { messages = [new() { role = "user", content = "q" }] }, new Chat { messages = messages });
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => Load(bytes)).Message);
    }

    [Fact]
    public async Task Load_ReadsTokenLists()
    {
        byte[] bytes = await Write(
            new Tokens { input_ids = [5, 6, 7], labels = [-100, 6, 7] },
            new Tokens { input_ids = [], labels = [] },
            new Tokens { input_ids = [8] });
        Assert.Equal(["5,6,7 / -100,6,7", " / ", "8"], RowText.Of(Load(bytes)));
    }

    [Fact]
    public async Task Load_RefusesANullToken()
    {
        byte[] bytes = await Write(new Tokens { input_ids = [5], labels = [null] });
        var error = Assert.Throws<LapidaryException>(() => Load(bytes));
        Assert.Contains("row 1: expected a list of integers in \"labels\", found a list", error.Message);
    }

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Zstd)]
    public async Task Load_ReadsOptionalAndDictionaryColumnsOfSeveralRowGroups(CompressionMethod compression)
    {
        var id = new DataField("id", typeof(long), isNullable: true);
        var prompt = new DataField("prompt", typeof(string), isNullable: false);
        var completion = new DataField("completion", typeof(string), isNullable: true);
        var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, prompt, completion), stream,
            new() { CompressionMethod = compression, CompressionLevel = System.IO.Compression.CompressionLevel.Fastest },
            cancellationToken: TestContext.Current.CancellationToken))
        {
            for (int group = 0; group < 2; group++)
            {
                using var part = writer.CreateRowGroup();
                await part.WriteAsync<long>(id, new long?[100], cancellationToken: TestContext.Current.CancellationToken);
                await part.WriteAsync(prompt, Enumerable.Range(0, 100).Select(i => i % 2 == 0 ? "even" : "odd").ToArray());
                await part.WriteAsync(completion, Enumerable.Range(0, 100).Select(i => $"c{(group * 100) + i}").ToArray());
            }
        }

        string[] rows = RowText.Of(Load(stream.ToArray()));
        Assert.Equal(200, rows.Length);
        Assert.Equal("even -> c0", rows[0]);
        Assert.Equal("odd -> c199", rows[199]);
    }

    [Fact]
    public async Task Load_NamesTheRowOfANullString()
    {
        var text = new DataField("text", typeof(string), isNullable: true);
        var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(
            new ParquetSchema(text), stream, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(text, new[] { "a", null!, "c" });
        }

        var error = Assert.Throws<LapidaryException>(() => Load(stream.ToArray()));
        Assert.Contains("data.parquet row 2: expected a string in \"text\", found null", error.Message);
    }

    [Fact]
    public async Task Load_LetsOnlyItsOwnErrorsEscape()
    {
        byte[] seed = await Write(
            new Chat { messages = [new() { role = "user", content = "q" }, new() { role = "assistant", content = "a" }] });
        var random = new Random(11);
        for (int i = 0; i < 200; i++)
        {
            byte[] mutated = (byte[])seed.Clone();
            for (int j = random.Next(1, 4); j > 0; j--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            var reader = new RowReader(new());
            try
            {
                foreach (var record in ParquetRecords.Read(new MemoryStream(mutated), "a.parquet")) reader.Read(record);
            }
            catch (LapidaryException error)
            {
                Assert.StartsWith("a.parquet", error.Message);
            }
        }
    }

    private static DataSet Load(byte[] bytes)
    {
        using var file = new TemporaryFile("data.parquet", bytes);
        return DataSet.Load(file.Name);
    }

    private static async Task<byte[]> Write<T>(params T[] rows)
    {
        var stream = new MemoryStream();
        await ParquetSerializer.SerializeAsync(rows, stream);
        return stream.ToArray();
    }
}
