using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
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
    [InlineData(2, "row 2: \"messages\" message 2 (\"assistant\"): expected role and content (or from and value), found role")]
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

    /// <summary>The library looped for ever over pages with fewer values than they claim, and over fields of another type.</summary>
    [Fact]
    public async Task Load_OfAFileWithAnyByteWrong_Ends()
    {
        byte[] bytes = await Write(
            new Chat { messages = [new() { role = "user", content = "q" }, new() { role = "assistant", content = "a" }] },
            new Chat { messages = null });
        for (int i = 0; i < bytes.Length; i++)
        {
            foreach (byte wrong in (byte[])[0, 0x19, 0xFF, (byte)(bytes[i] ^ 1)])
            {
                byte[] broken = [.. bytes];
                broken[i] = wrong;
                var read = Task.Run(() => Record.Exception(() => Load(broken)), TestContext.Current.CancellationToken);
                if (await read.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken) is { } error)
                    Assert.IsType<LapidaryException>(error);
            }
        }
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

    /// <summary>Files that DuckDB wrote: parts of content, and a struct.</summary>
    [Fact]
    public void Load_ReadsNestedLists()
    {
        Assert.Equal(
            ["user: hi | assistant: yes"],
            RowText.Of(DataSet.Load(Fixtures.Path("messages/parts.parquet"))));
        var error = Assert.Throws<LapidaryException>(() => DataSet.Load(Fixtures.Path("messages/struct.parquet")));
        Assert.Contains("found columns row (an object with messages)", error.Message);
    }

    private sealed class Call
    {
        public string? name { get; set; }
        public Dictionary<string, string>? arguments { get; set; }
        public List<List<int>>? grid { get; set; }
    }

    private sealed class Talk
    {
        public List<Line>? messages { get; set; }
    }

    private sealed class Line
    {
        public string? role { get; set; }
        public string? content { get; set; }
        public List<Call>? tool_calls { get; set; }
        public int? weight { get; set; }
    }

    [Fact]
    public async Task Load_KeepsWhatIsNested_AndLeavesOutWhatIsNull()
    {
        byte[] bytes = await Write(
            new Talk
            {
                messages =
                [
                    new() { role = "user", content = "q" },
                    new()
                    {
                        role = "assistant",
                        tool_calls =
                        [
                            new() { name = "f", arguments = new() { ["x"] = "1", ["y"] = "2" }, grid = [[1, 2], [], [3]] },
                            new() { name = "g", grid = [] },
                        ],
                        weight = 0,
                    },
                ],
            },
            new Talk { messages = [new() { role = "user", content = "r" }] });
        var rows = Load(bytes).Rows.Cast<MessagesRow>().ToList();
        var template = ChatTemplate.Parse(
            "{% for m in messages %}{{ m.keys() | list | join(',') }}:{{ m.content }}:"
            + "{{ m.tool_calls | tojson if m.tool_calls }};{% endfor %}",
            new Dictionary<string, string>());
        Assert.Equal(
            "role,content:q:;role,tool_calls,weight::[{\"name\": \"f\", \"arguments\": {\"x\": \"1\", \"y\": \"2\"}, "
            + "\"grid\": [[1, 2], [], [3]]}, {\"name\": \"g\", \"grid\": []}];",
            template.Render(rows[0].Messages, false));
        Assert.False(rows[0].Messages[1].IsTrained);
        Assert.Equal("role,content:r:;", template.Render(rows[1].Messages, false));
    }

    private sealed class Numbered
    {
        public string? text { get; set; }
        public Dictionary<int, string>? names { get; set; }
        public Dictionary<string, string>? words { get; set; }
    }

    [Fact]
    public async Task Load_ReadsMaps_WhoseKeysAreText()
    {
        byte[] bytes = await Write(
            new Numbered { text = "a", names = new() { [1] = "one" }, words = new() { ["x"] = "y" } },
            new Numbered { text = "b", words = [] }, new Numbered { text = "c" });
        var rows = ParquetRecords.Read(new MemoryStream(bytes), "a.parquet").ToList();
        Assert.Equal(["a", "b", "c"], rows.Select(row => row.Columns["text"]));
        Assert.Equal("y", ((Dictionary<string, object?>)rows[0].Columns["words"]!)["x"]);
        Assert.Empty((Dictionary<string, object?>)rows[1].Columns["words"]!);
        Assert.Null(rows[2].Columns["words"]);
        Assert.Contains(
            "a map without text as keys", Assert.Throws<LapidaryException>(() => rows[0].Columns["names"]).Message,
            StringComparison.Ordinal);
    }

    private sealed class Typed
    {
        public string? text { get; set; }
        public decimal price { get; set; }
        public DateTime day { get; set; }
        public DateOnly date { get; set; }
        public TimeOnly time { get; set; }
        public Guid id { get; set; }
        public byte[]? data { get; set; }
        public ulong big { get; set; }
        public float number { get; set; }
        public bool flag { get; set; }
    }

    [Theory]
    [InlineData("{big}", "18446744073709551615")]
    [InlineData("{number}", "0.5")]
    [InlineData("{flag}", "True")]
    [InlineData(
        "{price}",
        "row 1: expected a string in \"price\" for the template, found type decimal, which has no text of its own; write")]
    [InlineData("{day}", "found type timestamp")]
    [InlineData("{date}", "found type date")]
    [InlineData("{time}", "found type time")]
    [InlineData("{id}", "found type uuid")]
    [InlineData("{data}", "found type binary")]
    public async Task Load_ShowsValuesOrNamesTheirType(string template, string expected)
    {
        byte[] bytes = await Write(new Typed
        {
            text = "t",
            price = 1.5m,
            data = [1, 2],
            big = ulong.MaxValue,
            number = 0.5f,
            flag = true,
            day = new DateTime(2024, 1, 2, 0, 0, 0, DateTimeKind.Utc),
            id = Guid.Empty,
        });
        Assert.Equal(["t"], RowText.Of(Load(bytes)));
        using var file = new TemporaryFile("data.parquet", bytes);
        var options = new DataSetOptions { Template = new(null, new("q"), new(template)) };
        if (expected.StartsWith("row", StringComparison.Ordinal) || expected.StartsWith("found", StringComparison.Ordinal))
            Assert.Contains(expected, Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name, options)).Message);
        else Assert.Equal([$"user: q | assistant: {expected}"], RowText.Of(DataSet.Load(file.Name, options)));
    }

    [Fact]
    public async Task Load_RefusesTextThatIsNoUtf8_WhereItIsUsed()
    {
        byte[] bytes = await Write(new Tagged { text = "abcd", other = "x" });
        for (int at = bytes.AsSpan().IndexOf("abcd"u8); at >= 0; at = bytes.AsSpan().IndexOf("abcd"u8)) bytes[at + 1] = 0xFF;
        Assert.Contains(
            "row 1: expected a string in \"text\", found bytes that are no UTF-8",
            Assert.Throws<LapidaryException>(() => Load(bytes)).Message);
        using var file = new TemporaryFile("data.parquet", bytes);
        Assert.Equal(["x"], RowText.Of(DataSet.Load(file.Name, new() { TextColumn = "other" })));
    }

    private sealed class Tagged
    {
        public string? text { get; set; }
        public string? other { get; set; }
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

    /// <summary>Sizes and counts in headers of pages, groups and columns: one line each, and no memory for what is not there.</summary>
    [Fact]
    public async Task Load_OfSizesThatLie_EndsSoonInLittleMemory()
    {
        byte[] seed = await Write([.. Enumerable.Range(0, 50).Select(i => new Tagged { text = $"text {i}", other = "x" })]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int refused = 0;
        for (int at = 4; at < seed.Length - 8; at++)
        {
            byte[] mutated = (byte[])seed.Clone();
            mutated.AsSpan(at, Math.Min(5, seed.Length - 8 - at)).Fill(0xFE); // a number of Thrift that goes on and on
            mutated[Math.Min(at + 5, seed.Length - 9)] = 0x0F;
            try
            {
                Load(mutated);
            }
            catch (LapidaryException error)
            {
                Assert.DoesNotContain("\n", error.Message);
                refused++;
            }
        }

        Assert.True(refused > seed.Length / 4, $"{refused}");
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before; // a file is read by the thread that asks for it
        Assert.InRange(allocated, (long)refused * seed.Length, 4L << 30);
    }

    /// <summary>The page's size is made negative: its lowest bit is the sign.</summary>
    [Fact]
    public async Task Load_ChecksPagesBeforeItReadsThem()
    {
        byte[] bytes = await Write(new Tagged { text = "a", other = "x" });
        Assert.True(bytes is [_, _, _, _, 0x15, _, 0x15, ..]); // a page's header: its kind, and its size
        bytes[7] |= 1;
        Assert.Contains("a page claims -", Assert.Throws<LapidaryException>(() => Load(bytes)).Message);
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
