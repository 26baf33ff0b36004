using System.Buffers.Binary;
using System.Text.Json;
using Lapidary.Engine;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class SafetensorsFileTests
{
    public static TheoryData<string, int, string> Corruptions { get; } = new()
    {
        { "[]", 0, "expected a JSON object" },
        { "", 0, "expected JSON, found the end of the text at byte 0" },
        { "{\"a\":", 0, "expected JSON, found the end of the text" },
        { "{} {}", 0, "expected JSON, found '{'" },
        { "{\"\\uD800\":1}", 0, "expected JSON, found a string that is not Unicode" },
        { "{\"a\":1}", 0, "tensor a: expected an object with dtype, shape and data_offsets, found 1" },
        { "{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "tensor a: expected a dtype, found none" },
        { "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "tensor a: expected a shape, found none" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "tensor a: expected two data_offsets, found 0" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "tensor a: expected two data_offsets, found 3" },
        { "{\"a\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "tensor a: expected dtype as a string, found 3" },
        {
            "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
            "tensor a: expected dtype once, found it twice"
        },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1, "tensor a: expected shape as a list, found 1" },
        {
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1,
            "tensor a: expected whole numbers from 0 in shape, found -1"
        },
        {
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1.5],\"data_offsets\":[0,1]}}", 1,
            "tensor a: expected whole numbers from 0 in shape, found 1.5"
        },
        {
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[[1]],\"data_offsets\":[0,1]}}", 1,
            "tensor a: expected whole numbers from 0 in shape, found a list"
        },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}", 1, "whole numbers from 0 in data_offsets" },
        {
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1,
            "tensor a: expected data_offsets in ascending order, found [1, 0]"
        },
        {
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 1,
            "tensor a: expected data_offsets within the file's 1 data bytes"
        },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,7]}}", 7, "tensor a: expected 8 bytes for F32[2], found 7" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "shape of whole bytes below 2^63" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, "shape of whole bytes below 2^63" },
        { "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "shape of whole bytes below 2^63" },
        { Two(0, 4, 2, 6), 6, "tensor b: expected no byte shared with another tensor" },
        { Two(0, 4, 0, 4), 4, "expected no byte shared with another tensor" },
        { Two(0, 4, 5, 9), 9, "tensor b: expected data without holes, so from 4, found 5" },
        { Two(1, 5, 5, 9), 9, "tensor a: expected data without holes, so from 0, found 1" },
        { Two(0, 4, 4, 8), 9, "expected 8 bytes of data behind the header, found 9" },
        { Two(0, 4, 4, 8).Replace("\"b\"", "\"a\"", StringComparison.Ordinal), 8, "tensor a: expected each name once, found it twice" },
        { "{\"__metadata__\":{\"format\":1}}", 0, "__metadata__: expected a string for format, found 1" },
        { "{\"__metadata__\":[]}", 0, "__metadata__: expected an object of strings, found a list" },
    };

    public static TheoryData<string> FixtureFiles { get; } =
        [.. Directory.EnumerateFiles(Fixtures.Path("tiny"), "*.safetensors", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Fixtures.Path(""), file)).Order()];

    [Theory, MemberData(nameof(Corruptions))]
    public void Open_RefusesADamagedHeader(string header, int dataLength, string message)
    {
        string path = RawFile.Write(RawFile.Safetensors(header, dataLength));
        var error = Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith(path + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(-1L)]
    [InlineData(3L)]
    [InlineData(100_000_001L)]
    [InlineData(long.MaxValue)]
    public void Open_RefusesAHeaderLengthBeyondTheFile(long claimed)
    {
        string path = RawFile.Write(RawFile.Safetensors("{}", 0, claimed));
        Assert.Contains(
            "expected a header of at most 2 bytes", Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Open_RefusesAFileWithoutRoomForTheLength(int length)
    {
        string path = RawFile.Write(new byte[length]);
        Assert.Contains(
            $"at least 8 bytes, found {length}", Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NamesAFileThatIsNotThere()
    {
        string folder = Fixtures.TemporaryFolder();
        Assert.Contains(
            "file not found", Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(Path.Combine(folder, "x"))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "check the path", Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_KeepsControlCharactersOutOfTheMessage()
    {
        string path = RawFile.Write(RawFile.Safetensors("{\"a\\nb\\u001b[2J\":1}", 0));
        Assert.Contains(
            @"tensor a b\u001b[2J:", Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(FixtureFiles))]
    public void Get_ShowsTheBytesThatTheHeaderPointsAt(string name)
    {
        byte[] bytes = File.ReadAllBytes(Fixtures.Path(name));
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, headerLength));
        using var file = SafetensorsFile.Open(Fixtures.Path(name));
        int tensors = 0;
        foreach (var property in header.RootElement.EnumerateObject().Where(property => property.Name != "__metadata__"))
        {
            var tensor = file.Get(property.Name);
            var offsets = property.Value.GetProperty("data_offsets");
            int begin = offsets[0].GetInt32(), end = offsets[1].GetInt32();
            Assert.Equal(property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), tensor.Shape.ToArray());
            Assert.Equal(property.Value.GetProperty("dtype").GetString(), DTypeNames.ToSafetensors(tensor.DType));
            Assert.True(bytes.AsSpan(8 + headerLength + begin, end - begin).SequenceEqual(BytesOf(tensor)), property.Name);
            Assert.Equal(0, tensor.Address % (nint)tensor.DType.LengthBytes(1));
            tensors++;
        }

        Assert.Equal(tensors, file.Entries.Count);
    }

    [Fact]
    public void Get_CopiesBytesThatAreNotAligned()
    {
        string header =
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}";
        byte[] bytes = RawFile.Safetensors(header, 9);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(bytes.Length - 4), 1.5f);
        using var file = SafetensorsFile.Open(RawFile.Write(bytes));
        Assert.Equal(1.5f, file.Get("b").AsSpan<float>()[1]);
        Assert.Equal(file.Get("b").Address, file.Get("b").Address);
        Assert.Equal(0, file.Get("b").Address % 4);
    }

    [Fact]
    public void Get_RefusesWhatTheEngineCannotHold()
    {
        string header =
            "{\"f8\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]},"
            + "\"new\":{\"dtype\":\"Q3_X\",\"shape\":[9],\"data_offsets\":[2,5]},"
            + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[5,5]},"
            + "\"one\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[5,6]}}";
        using var file = SafetensorsFile.Open(RawFile.Write(RawFile.Safetensors(header, 6)));
        Assert.Equal(["f8", "new", "none", "one"], file.Entries.Select(entry => entry.Name));
        Assert.Equal(3, file.Bytes("new").Length);
        Assert.Contains(
            "tensor f8: expected BF16, F32, F16, U8, I32 or I64, found F8_E4M3",
            Assert.Throws<LapidaryException>(() => file.Get("f8")).Message, StringComparison.Ordinal);
        Assert.Contains("found Q3_X", Assert.Throws<LapidaryException>(() => file.Get("new")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "at least one element, found shape [0, 4]", Assert.Throws<LapidaryException>(() => file.Get("none")).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "tensor two: expected it among the file's 4 tensors", Assert.Throws<LapidaryException>(() => file.Get("two")).Message,
            StringComparison.Ordinal);
        Assert.Equal(36, file.Get("one").AsSpan<byte>()[0]);
    }

    [Fact]
    public void Get_ReachesBeyondTwoGigabytes()
    {
        const long length = 2_200_000_000;
        string header =
            $"{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{length}],\"data_offsets\":[0,{length}]}},"
            + $"\"b\":{{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[{length},{length + 3}]}}}}";
        string path = RawFile.Write(RawFile.Safetensors(header, 0));
        using (var stream = File.OpenWrite(path))
        {
            stream.Position = stream.Length + length;
            stream.Write([7, 8, 9]); // the rest is a hole that takes no disk space
        }

        try
        {
            using var file = SafetensorsFile.Open(path);
            Assert.Equal([7, 8, 9], file.Get("b").AsSpan<byte>().ToArray());
            Assert.Equal(length, file.Get("a").Count);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void AFileThatIsCutOrWrittenWhileItIsOpen_IsRefusedAtTheNextAccess()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets nobody write to an open file.");
        string path = RawFile.Write(RawFile.Safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", 8));
        byte[] whole = File.ReadAllBytes(path);
        foreach (var (change, words) in new (Action, string)[]
        {
            (() => File.WriteAllBytes(path, whole[..^4]), "when it was opened, has"),
            (() => File.WriteAllBytes(path, [.. whole, 0]), "when it was opened, has"),
            (() => File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch), "wrote to it"),
        })
        {
            File.WriteAllBytes(path, whole);
            using var file = SafetensorsFile.Open(path);
            Assert.Equal(8, file.Bytes("a").Length);
            change();
            foreach (var access in (Action[])[() => file.Get("a"), () => file.Bytes("a"), () => file.CopyTo("a", Stream.Null)])
            {
                var error = Assert.Throws<LapidaryException>(access);
                Assert.Contains(path, error.Message, StringComparison.Ordinal);
                Assert.Contains(words, error.Message, StringComparison.Ordinal);
            }
        }

        // Replaced, not changed: what is mapped stays what it was.
        File.WriteAllBytes(path, whole);
        using var replaced = SafetensorsFile.Open(path);
        File.Move(RawFile.Write([1, 2, 3]), path, overwrite: true);
        Assert.Equal(8, replaced.Bytes("a").Length);
    }

    [Fact]
    public void Open_TakesAnEmptyTensorWhereAnotherOneBegins()
    {
        const string Header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}";
        using var file = SafetensorsFile.Open(RawFile.Write(RawFile.Safetensors(Header, 4)));
        Assert.Equal(["b", "a"], file.Entries.Select(entry => entry.Name));
    }

    [Fact]
    public void Open_RefusesAHeaderThatNoReaderTakes()
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, 100_000_001);
        string path = RawFile.Write(length);
        using (var file = File.OpenWrite(path)) file.SetLength(1 << 30); // takes no space
        string message = Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(path)).Message;
        Assert.Contains("expected a header of at most 100000000 bytes, found 100000001", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_OfAPart_AreWithinTheTensor()
    {
        using var file = SafetensorsFile.Open(RawFile.Write(RawFile.Safetensors(Two(0, 4, 4, 8), 8)));
        var entry = file.Entry("a");
        Assert.Equal(3, file.Bytes(entry, 1, 3).Length);
        foreach (var (offset, length) in new[] { (-1L, 2), (0L, 5), (2L, 3), (0L, -1) })
            Assert.Throws<ArgumentOutOfRangeException>(() => file.Bytes(entry, offset, length).Length);
    }

    [Fact]
    public void Open_AndDispose_LeaveNoOpenFile()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("/proc is Linux's.");
        string damaged = RawFile.Write(RawFile.Safetensors("[]", 0)), whole = RawFile.Write(RawFile.Safetensors(Two(0, 4, 4, 8), 8));
        Assert.Throws<LapidaryException>(() => SafetensorsFile.Open(damaged));
        using (SafetensorsFile.Open(whole)) Assert.Contains(whole, OpenFiles());
        Assert.DoesNotContain(whole, OpenFiles());
        Assert.DoesNotContain(damaged, OpenFiles());

        static IEnumerable<string?> OpenFiles() =>
            Directory.GetFileSystemEntries("/proc/self/fd").Select(descriptor => new FileInfo(descriptor).LinkTarget);
    }

    [Fact]
    public void Get_FailsAfterDispose()
    {
        var file = SafetensorsFile.Open(Fixtures.Path("tiny/model/model.safetensors"));
        Assert.Equal("pt", file.Metadata["format"]);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Get("model.norm.weight"));
        Assert.Throws<ObjectDisposedException>(() => file.Bytes(file.Entry("model.norm.weight"), 0, 1).Length);
        file.Dispose();
    }

    private static string Two(int begin1, int end1, int begin2, int end2) =>
        $"{{\"a\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{begin1},{end1}]}},"
        + $"\"b\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{begin2},{end2}]}}}}";

    private static unsafe ReadOnlySpan<byte> BytesOf(Tensor tensor) => new((void*)tensor.Address, (int)tensor.LengthBytes);
}
