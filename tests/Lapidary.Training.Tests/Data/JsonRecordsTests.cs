using System.Text;
using Lapidary.Formats;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training.Tests.Data;

public class JsonRecordsTests
{
    [Theory]
    [InlineData("""{"text":"a\u00e9\ud83d\ude00"}""", "aé😀")]
    [InlineData("""{"prompt":"p ","completion":"c","n":1.5}""", "p  -> c")]
    [InlineData(
        """{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}]}""",
        "user: q -> assistant: a")]
    [InlineData("""{"messages":[{"role":"user","content":"q"},{"content":"a","role":"assistant"}]}""", "user: q | assistant: a")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":" q "},{"type":"text","text":"r "}]}]}""", "user:  q +r ")]
    [InlineData(
        """{"messages":[{"role":"system","content":[{"type":"text","text":" s "},{"type":"text","text":"t"}]}]}""",
        "system:  s +t")]
    [InlineData(
        """{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}""",
        "system: s | user: q | assistant: a")]
    [InlineData("""{"input_ids":[1,2,3]}""", "1,2,3")]
    [InlineData("""{"input_ids":[],"labels":[],"text":"ignored"}""", " / ")]
    [InlineData("""{"input_ids":[1,2],"labels":[-100,2]}""", "1,2 / -100,2")]
    public void Load_TellsTheKindFromTheColumns(string line, string expected) => Assert.Equal([expected], RowText.Load("a.jsonl", line));

    [Fact]
    public void Load_SkipsBlankLines_MarkAndCarriageReturns() =>
        Assert.Equal(["a", "b", "c"], RowText.Load("a.jsonl", "\uFEFF{\"text\":\"a\"}\r\n\r\n  \n{\"text\":\"b\"}\n\n{\"text\":\"c\"}"));

    [Fact]
    public void Load_ReadsLinesLongerThanItsBuffer()
    {
        string[] texts = [.. Enumerable.Range(0, 5).Select(i => new string((char)('a' + i), 50_000 * i))];
        Assert.Equal(texts, RowText.Load("a.jsonl", string.Join("\n", texts.Select(x => $$"""{"text":"{{x}}"}"""))));
    }

    [Theory]
    [InlineData("""[{"text":"a"},{"text":"b"}]""")]
    [InlineData("""{"data":[{"text":"a"},{"text":"b"}]}""")]
    [InlineData("""{"version":1,"train":[{"text":"a"},{"text":"b"}],"x":{}}""")]
    [InlineData("{\"text\":\"a\"}\n{\"text\":\"b\"}\n")]
    [InlineData("\uFEFF [ {\"text\":\"a\"},\n{\"text\":\"b\"}\n]\n")]
    public void Load_ReadsEveryFormOfJsonFile(string json) => Assert.Equal(["a", "b"], RowText.Load("a.json", json));

    [Fact]
    public void Load_ReadsFoldersAndPatternsInOrder()
    {
        using var file = new TemporaryFile("b.jsonl", """{"text":"2"}""");
        File.WriteAllText(Path.Combine(file.Folder, "a.csv"), "text\n1\n");
        File.WriteAllText(Path.Combine(file.Folder, "c.jsonl"), """{"messages":[{"role":"user","content":"3"}]}""");
        File.WriteAllText(Path.Combine(file.Folder, "readme.md"), "not data");
        Assert.Equal(["1", "2", "user: 3"], RowText.Of(DataSet.Load(file.Folder)));
        Assert.Equal(["2", "user: 3"], RowText.Of(DataSet.Load(Path.Combine(file.Folder, "*.jsonl"))));
    }

    [Fact]
    public void Load_NamesColumnsByOptions()
    {
        const string Row = """{"q":"p","a":"c","body":"t","chat":[{"role":"user","content":"m"}],"text":"x","prompt":"y"}""";
        Assert.Equal(["t"], RowText.Load("a.jsonl", Row, new() { TextColumn = "body" }));
        Assert.Equal(["p -> c"], RowText.Load("a.jsonl", Row, new() { PromptColumn = "q", CompletionColumn = "a" }));
        Assert.Equal(["user: m"], RowText.Load("a.jsonl", Row, new() { MessagesColumn = "chat" }));
        Assert.Equal(["x"], RowText.Load("a.jsonl", Row, new() { Kind = RowKind.Text }));
    }

    [Theory]
    [InlineData("""{"text":"a"}|{"text":"b"|""", "line 2: expected one JSON object, found invalid JSON: the end of the text at column 12.")]
    [InlineData("""{"text":"a"}||{"text":"b"} {}""", "line 3: expected one JSON object, found invalid JSON: '{' at column 14.")]
    [InlineData("""{"text":None}""", "line 1: expected one JSON object, found invalid JSON: the word None at column 9.")]
    [InlineData("[1]", "line 1: expected a JSON object such as {\"messages\": [...]}, found a list of integers")]
    [InlineData("""{"text":1}""", "line 1: expected a string in \"text\", found an integer")]
    [InlineData("""{"text":"\ud800"}""", "half of a surrogate pair")]
    [InlineData("""{"text":"a"}|{"body":"b"}""", "line 2: expected a column \"text\", found columns body")]
    [InlineData(
        """{"foo":"a","bar":1}""",
        "line 1: expected columns messages, conversations, prompt and completion, text, or \"input_ids\", found columns foo, bar")]
    [InlineData("{}", "found no columns")]
    [InlineData(
        """{"prompt":"a","completion":null}""",
        "expected \"prompt\" and \"completion\" to be two strings or two lists of messages, found a string and null")]
    [InlineData("""{"messages":[]}""", "expected a list of messages in \"messages\", found an empty list")]
    [InlineData("""{"messages":"hello"}""", "found a string that is not JSON: the word hello in line 1, column 1 of the string.")]
    [InlineData(
        """{"messages":[{"role":"user"}]}""",
        "\"messages\" message 1 (\"user\"): expected role and content (or from and value), found role")]
    [InlineData(
        """{"messages":[{"role":"user","content":null}]}""",
        "message 1 (\"user\"): expected content to be a string or a list of text parts, found null")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image","url":"x"}]}]}""", "found type \"image\"")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image","text":"x"}]}]}""", "found type \"image\"")]
    [InlineData("""{"conversations":[{"from":5,"value":"x"}]}""", "message 1: expected a string as role, found an integer")]
    [InlineData("""{"input_ids":[1,2],"labels":[1]}""", "expected as many labels as input_ids, found 1 and 2")]
    [InlineData("""{"input_ids":[1,2.5]}""", "expected a list of integers in \"input_ids\", found a list")]
    [InlineData("""{"input_ids":[99999999999]}""", "found 99999999999 at index 0")]
    [InlineData("", "expected at least one row, found none")]
    public void Load_NamesFileAndLineOfErrors(string lines, string expected)
    {
        using var file = new TemporaryFile("data.jsonl", lines.Replace('|', '\n'));
        var error = Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name));
        Assert.StartsWith(file.Name, error.Message);
        Assert.Contains(expected, error.Message);
        Assert.DoesNotContain("\n", error.Message);
    }

    [Theory]
    [InlineData("[{\"text\":\"a\"},\n{\"text\":}]", ": expected JSON, found '}' in line 2, column 9; correct it.")]
    [InlineData("""[{"text":"a"},1.5]""", "row 2: expected an object, found a number")]
    [InlineData("""{"data":[1,2]}""", "found a list of integers")]
    [InlineData("\"text\"", "expected a list of objects, or an object with such a list as \"data\" or \"train\", found a string")]
    [InlineData("", "expected JSON")]
    public void Load_NamesLineOrRowOfJsonErrors(string json, string expected)
    {
        using var file = new TemporaryFile("data.json", json);
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name)).Message);
    }

    [Fact]
    public void Load_RefusesWhatIsNotUtf8_AndUnknownFiles()
    {
        using var latin = new TemporaryFile("a.jsonl", Encoding.Latin1.GetBytes("""{"text":"é"}"""));
        Assert.Contains(
            "line 1: expected one JSON object, found invalid JSON: bytes that are not UTF-8 at column 10.", Message(latin.Name));
        using var wide = new TemporaryFile("b.jsonl", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("{\"text\":\"a\"}\n")]);
        Assert.Contains("found invalid JSON: UTF-16 where UTF-8 is expected at column 1.", Message(wide.Name));
        using var other = new TemporaryFile("a.xlsx", "x");
        Assert.Contains("expected a data set file (.jsonl, .ndjson, .json, .csv, .tsv or .parquet), found \".xlsx\"", Message(other.Name));
        Assert.Contains("check the path", Message(Path.Combine(other.Folder, "missing.jsonl")));
        Assert.Contains("check the path", Message(Path.Combine(other.Folder, "*.jsonl")));

        static string Message(string path) => Assert.Throws<LapidaryException>(() => DataSet.Load(path)).Message;
    }

    [Fact]
    public void ReadAll_RefusesMoreThanTheLimit_AndReadsLittleOfWhatHoldsNoRows()
    {
        byte[] rows = [.. "["u8, .. Enumerable.Repeat((byte)' ', 200_000)];
        Assert.Equal(rows, JsonRecords.ReadAll(new MemoryStream(rows), "a.json", rows.Length + 1));
        Assert.Contains(
            "expected at most 200000 bytes of JSON", Assert.Throws<LapidaryException>(
                () => JsonRecords.ReadAll(new MemoryStream(rows), "a.json", 200_000)).Message,
            StringComparison.Ordinal);
        Assert.Equal(64 << 10, JsonRecords.ReadAll(new MemoryStream(new byte[200_000]), "a.json", 1 << 20).Length);
    }

    [Fact]
    public void Integers_HaveAsManyDigitsAsPythonReads()
    {
        static object? Read(int digits) => JsonValue.Parse(System.Text.Encoding.ASCII.GetBytes(new string('9', digits)));
        Assert.IsType<System.Numerics.BigInteger>(Read(4300));
        Assert.Contains(
            "more than 4300 digits", Assert.ThrowsAny<LapidaryException>(() => Read(4301)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRead_LeavesOutAMarkAtTheBeginningAlone()
    {
        var reader = new LineReader(new MemoryStream(Encoding.UTF8.GetBytes("\uFEFFa\n\uFEFFb")), "a.jsonl");
        Assert.True(reader.TryRead(out var line, out _));
        Assert.Equal("a", Encoding.UTF8.GetString(line));
        Assert.True(reader.TryRead(out line, out _));
        Assert.Equal("\uFEFFb", Encoding.UTF8.GetString(line));
    }

    [Fact]
    public void TryRead_RefusesLongLines()
    {
        var reader = new LineReader(new MemoryStream(new byte[200_000]), "a.jsonl", maxLineBytes: 100_000);
        var error = Assert.Throws<LapidaryException>(() => reader.TryRead(out _, out _));
        Assert.Contains("a.jsonl line 1: expected at most 100000 bytes", error.Message);
    }

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.json")]
    public void Load_LetsOnlyItsOwnErrorsEscape(string name)
    {
        byte[] seed = Encoding.UTF8.GetBytes("""
            {"messages":[{"role":"user","content":"é\u00e9\n"},{"role":"assistant","content":[{"type":"text","text":"a"}]}]}
            {"messages":[{"role":"user","content":"b"}],"x":[1,2,{"y":null}],"z":-1.5e300}
            """);
        var random = new Random(7);
        for (int i = 0; i < 1000; i++)
        {
            byte[] mutated = (byte[])seed.Clone();
            for (int j = random.Next(1, 6); j > 0; j--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            mutated = mutated[..random.Next(mutated.Length / 2, mutated.Length)];
            var stream = new MemoryStream(mutated);
            var reader = new RowReader(new());
            try
            {
                var records = name == "a.json" ? JsonRecords.Read(stream, name) : JsonLinesRecords.Read(stream, name);
                foreach (var record in records) reader.Read(record);
            }
            catch (LapidaryException error)
            {
                Assert.StartsWith(name, error.Message);
            }
        }
    }
}
