using System.IO.Compression;
using System.Text;
using Lapidary.Formats;
using ZstdSharp;

namespace Lapidary.Training.Tests.Data;

/// <summary>Packed files, pipes, and values that JSON or a table holds in a way of its own.</summary>
public class DataFilesTests
{
    private const string Lines = "{\"text\":\"a\"}\n{\"text\":\"b\"}\n";

    [Theory]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("12345678901234567890123", "12345678901234567890123")]
    [InlineData("5.0", "5.0")]
    [InlineData("0.1", "0.1")]
    [InlineData("1e-7", "1e-07")]
    [InlineData("100000000000000000000.0", "1e+20")]
    [InlineData("true", "True")]
    [InlineData("123456789.123456789", "123456789.12345679")]
    [InlineData("-0.0", "-0.0")]
    [InlineData("-7", "-7")]
    [InlineData("NaN", "nan")]
    [InlineData("-Infinity", "-inf")]
    public void Templates_WriteNumbersAsPythonDoes(string json, string expected)
    {
        var template = new RowTemplate(null, new PromptTemplate("q"), new PromptTemplate("{v}"));
        string line = $$"""{"v":{{json}},"x":[NaN,"NaN"]}""";
        Assert.Equal([$"user: q | assistant: {expected}"], RowText.Load("a.jsonl", line, new() { Template = template }));
        Assert.Equal([$"user: q | assistant: {expected}"], RowText.Load("a.json", $"[{line}]", new() { Template = template }));
    }

    [Theory]
    [InlineData("""{"text":"NaN \"Infinity","n":NaN,"m":[1,-Infinity,{"x":Infinity}]}""", "NaN \"Infinity")]
    [InlineData("""{"messages":null,"text":"plain"}""", "plain")]
    [InlineData("""{"text":null,"messages":[{"role":"user","content":"a"}]}""", "user: a")]
    [InlineData("""{"text":"a","n":"\ud800"}""", "a")]
    [InlineData("""{"text":"a\u0000b"}""", "a\0b")]
    [InlineData("{\"text\":\"a\u2028b\u0085c\"}", "a\u2028b\u0085c")]
    public void Load_UsesRowsWhoseOtherColumnsAreOdd(string line, string expected) =>
        Assert.Equal([expected], RowText.Load("a.jsonl", line));

    [Theory]
    [InlineData("""{"text":NaNx}""", "invalid JSON")]
    [InlineData("""{"text":"a","text":"b"}""", "a key that the object has already at column 13.")]
    [InlineData("""{"text":"a","\ud800":1}""", "a string with half of a surrogate pair (\\ud800 to \\udfff) as a key at column 13.")]
    public void Load_RefusesWhatPythonRefusesToo_OrWhatIsAmbiguous(string line, string expected) => Assert.Contains(
        expected, Assert.Throws<LapidaryException>(() => RowText.Load("a.jsonl", line)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"te\nxt":"a"}""")]
    [InlineData("""{"messages":[{"ro\nle":"user","con\u0007tent":"a"}]}""")]
    [InlineData("""{"messages":[{"role":"us\ner","content":[{"type":"im\nage"}]}]}""")]
    public void Load_NamesWhatAFileHolds_OnOneLine(string line)
    {
        var error = Assert.Throws<LapidaryException>(() => RowText.Load("a.jsonl", line));
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public void Load_ReadsMessagesInTables()
    {
        const string Json = "[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"hi\"\"}]";
        Assert.Equal(["user: hi"], RowText.Load("a.csv", $"messages\n\"{Json}\"\n"));
        var error = Assert.Throws<LapidaryException>(() => RowText.Load("a.csv", "messages\n\"[{'role': 'user', 'content': 'hi'}]\"\n"));
        Assert.Contains("line 2: expected JSON text in \"messages\", found a list or dictionary as Python prints it", error.Message);
    }

    [Theory]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    [InlineData("a.json.gz")]
    [InlineData("a.csv.zst")]
    public void Load_UnpacksFiles(string name)
    {
        string content = name.Contains("csv", StringComparison.Ordinal) ? "text\na\nb\n" : Lines;
        using var file = new TemporaryFile(name, Pack(name, content));
        Assert.Equal(["a", "b"], RowText.Of(DataSet.Load(file.Name)));
    }

    [Fact]
    public void Load_ReadsSeveralGzipMembers()
    {
        byte[] member = Pack("a.gz", Lines);
        using var file = new TemporaryFile("a.jsonl.gz", [.. member, .. member]);
        Assert.Equal(["a", "b", "a", "b"], RowText.Of(DataSet.Load(file.Name)));
    }

    [Theory]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    public void Load_RefusesPackedFilesThatAreCutOff(string name)
    {
        byte[] packed = Pack(name, string.Concat(Enumerable.Range(0, 2000).Select(i => $"{{\"text\":\"{i * 7919}\"}}\n")));
        for (int length = 4; length < packed.Length; length += length < packed.Length - 40 ? 97 : 1)
        {
            using var file = new TemporaryFile(name, packed[..length]);
            var error = Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name));
            Assert.StartsWith(file.Name, error.Message, StringComparison.Ordinal);
            if (name.EndsWith(".gz", StringComparison.Ordinal)) Assert.Contains("it is cut off", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_RefusesWhatIsNoGzipBehindGzip()
    {
        using var file = new TemporaryFile("a.jsonl.gz", [.. Pack("a.jsonl.gz", Lines), .. "something else"u8]);
        string message = Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name)).Message;
        Assert.StartsWith(file.Name, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.PARQUET", true)]
    [InlineData("a.json.zst", true)]
    [InlineData("a.parquet.gz", false)]
    [InlineData("a.gz", false)]
    [InlineData("jsonl", false)]
    public void IsData_TellsByTheName(string name, bool expected) => Assert.Equal(expected, Training.Data.Files.DataFiles.IsData(name));

    [Fact]
    public void Load_EndsSoonWherePackedDataHaveNoLines()
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 200; i++) gzip.Write(zeros);
        }

        using var file = new TemporaryFile("a.jsonl.gz", packed.ToArray());
        Assert.Contains("in a line, found more", Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name)).Message);
    }

    [Theory]
    [InlineData(null, Lines)]
    [InlineData(DataFormat.Csv, "text\na\nb\n")]
    [InlineData(DataFormat.Json, "[{\"text\":\"a\"},{\"text\":\"b\"}]")]
    public void Read_TakesAStreamThatCannotSeek(DataFormat? format, string content)
    {
        using var plain = new OneWayStream(Encoding.UTF8.GetBytes(content));
        Assert.Equal(["a", "b"], RowText.Of(DataSet.Read(plain, "pipe", new() { Format = format })));
        using var packed = new OneWayStream(Pack("a.gz", content));
        Assert.Equal(["a", "b"], RowText.Of(DataSet.Read(packed, "pipe", new() { Format = format })));
    }

    [Fact]
    public void Read_RefusesParquetFromAPipe_AndBlankLinesWithoutEnd()
    {
        using var pipe = new OneWayStream("PAR1"u8.ToArray());
        var error = Assert.Throws<LapidaryException>(() => DataSet.Read(pipe, "pipe", new() { Format = DataFormat.Parquet }));
        Assert.Contains("found a pipe; save it first", error.Message, StringComparison.Ordinal);
        var blank = new byte[3 << 20];
        Array.Fill(blank, (byte)'\n');
        error = Assert.Throws<LapidaryException>(() => DataSet.Read(new MemoryStream(blank), "pipe"));
        Assert.Contains("blank lines", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/zero", "in a line, found more")]
    [InlineData("/dev/null", "expected at least one row")]
    [InlineData("/proc/self/mem", "/proc/self/mem: ")]
    [InlineData("", "expected the path of a data set")]
    public void Load_EndsSoonAtDevices(string path, string expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "These devices are Linux's.");
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => DataSet.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ReadsANamedPipe()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "mkfifo is needed.");
        using var file = new TemporaryFile("other", "");
        string pipe = Path.Combine(file.Folder, "rows");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        var writing = Task.Run(() => File.WriteAllText(pipe, Lines), TestContext.Current.CancellationToken);
        Assert.Equal(["a", "b"], RowText.Of(DataSet.Load(pipe)));
        await writing;
    }

    private static byte[] Pack(string name, string content)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        if (name.EndsWith("zst", StringComparison.Ordinal))
        {
            using var compressor = new Compressor();
            return compressor.Wrap(bytes).ToArray();
        }

        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(bytes);
        return packed.ToArray();
    }

    private sealed class OneWayStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 3)]);
    }
}
