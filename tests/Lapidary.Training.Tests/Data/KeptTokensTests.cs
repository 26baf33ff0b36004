using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Tests.Data;

public sealed class KeptTokensTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    private string Cache => Path.Combine(_root, "cache");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Rows of every kind, of several lengths, as JSON Lines.</summary>
    public static TheoryData<string, PackingStrategy> Kinds => new MatrixTheoryData<string, PackingStrategy>(
        ["text", "pair", "chat", "context", "conversation", "tokens", "labels"],
        [PackingStrategy.None, PackingStrategy.Bfd, PackingStrategy.Wrapped]);

    private static string Line(string kind, int i)
    {
        string words = string.Concat(Enumerable.Repeat("ab c", (i * 7 % 11) + 1));
        string ids = string.Join(',', Enumerable.Range(0, (i * 5 % 37) + 2).Select(j => 200 + ((i + j) % 700)));
        return kind switch
        {
            "text" => $$"""{"text":"{{i}} {{words}}"}""",
            "pair" => $$"""{"prompt":"{{words}}","completion":"{{i}}"}""",
            "chat" => $$"""{"messages":[{"role":"user","content":"{{i}}"},{"role":"assistant","content":"{{words}}"}]}""",
            "context" => $$"""{"messages":[{"role":"user","content":"{{i}}"},{"role":"assistant","content":"{{words}}","name":"x"}]}""",
            "conversation" =>
                $$"""{"prompt":[{"role":"user","content":"{{i}}"}],"completion":[{"role":"assistant","content":"{{words}}"}]}""",
            "tokens" => $$"""{"input_ids":[{{ids}}]}""",
            _ => $$"""{"input_ids":[7,8,9,10],"labels":[-100,{{i % 3}},-100,10]}""",
        };
    }

    private string Write(string kind, int count = 300, string? name = null)
    {
        string path = Path.Combine(_root, name ?? kind + ".jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(i => Line(kind, i)));
        return path;
    }

    private DataSetOptions Options(bool spilled, bool kept) => new()
    {
        CacheDir = kept ? Cache : "",
        Limits = new() { MemoryBytes = spilled ? 0 : long.MaxValue, CachedBytes = 1 },
    };

    private static PreparedDataSet Prepare(DataSet data, PackingStrategy packing = PackingStrategy.Bfd, ITextEncoder? encoder = null) =>
        PreparedDataSet.Create(data, encoder ?? new CountingEncoder(), Model, new SftConfig
        {
            MaxLength = 32,
            Packing = packing != PackingStrategy.None,
            PackingStrategy = packing == PackingStrategy.None ? PackingStrategy.Bfd : packing,
        });

    private static GemmaConfig Model { get; } = GemmaConfig.Load(Fixtures.Path("tiny/model")) with
    {
        VocabSize = ToyEncoder.Vocabulary,
    };

    /// <summary>Everything that a run sees, in words.</summary>
    private static string Describe(PreparedDataSet prepared)
    {
        var packed = prepared.Packed;
        var batches = Enumerable.Range(0, packed.Count).Select(i =>
        {
            var batch = packed.Batch([i]);
            return $"{packed.Describe([i])}: {string.Join(',', batch.Ids)} {string.Join(',', batch.Labels)} "
                + $"{string.Join(',', batch.Positions)} {string.Join(',', batch.DocumentStarts)} {batch.RealTokens} {batch.TrainedTokens}";
        });
        return string.Join('\n', [
            packed.DataFingerprint, $"{prepared.Report with { FromCache = false, CacheNote = null, UnreadKeys = [] }}",
            .. prepared.Report.Warnings(), .. batches,
        ]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Create_GivesTheSame_WhereverRowsAndTokensAre(string kind, PackingStrategy packing)
    {
        string path = Write(kind);
        string expected = Describe(Prepare(new DataSet(DataSet.Load(path, Options(false, false)).Rows).Shuffle(3), packing));
        foreach (bool spilled in new[] { false, true })
        {
            Assert.Equal(expected, Describe(Prepare(DataSet.Load(path, Options(spilled, false)).Shuffle(3), packing)));
            if (Directory.Exists(Cache)) Directory.Delete(Cache, recursive: true);
            for (int run = 0; run < 3; run++)
            {
                var encoder = new CountingEncoder();
                var prepared = Prepare(DataSet.Load(path, Options(spilled, true)).Shuffle(3), packing, encoder);
                Assert.Equal(expected, Describe(prepared));
                Assert.Equal(run > 0, prepared.Report.FromCache);
                Assert.Null(prepared.Report.CacheNote);
                if (run > 0) Assert.Equal(0, encoder.Calls);
                var first = DataSet.Load(path).Shuffle(3).Rows[0];
                Assert.Equivalent(first with { Origin = default }, prepared.FirstRow! with { Origin = default });
            }
        }
    }

    [Fact]
    public void Fingerprint_IsThatOfEarlierVersions()
    {
        var set = Prepare(DataSet.Load(Write("labels"), Options(true, false))).Examples;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] length = new byte[sizeof(int)];
        foreach (var example in set.All())
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, example.InputIds.Length);
            hash.AppendData(length);
            hash.AppendData(MemoryMarshal.AsBytes<int>(example.InputIds));
            hash.AppendData(MemoryMarshal.AsBytes<int>(example.Labels));
        }

        Assert.Equal(Convert.ToHexStringLower(hash.GetHashAndReset()), set.Fingerprint);
    }

    [Fact]
    public void Create_TokenizesAnew_WhereAnythingDiffers()
    {
        string path = Write("text");
        var options = Options(false, true);
        Prepare(DataSet.Load(path, options));
        Assert.True(IsKept(DataSet.Load(path, options)));

        // The same rows from another file are the same rows.
        Assert.True(IsKept(DataSet.Load(Write("text", name: "other.jsonl"), options)));

        Assert.False(IsKept(DataSet.Load(path, options).Shuffle(1)));
        Assert.False(IsKept(DataSet.Load(path, options).Select(299)));
        Assert.False(IsKept(DataSet.Load(path, options), PackingStrategy.None));
        Assert.False(IsKept(DataSet.Load(path, options), encoder: new CountingEncoder("other")));
        Assert.False(IsKept(DataSet.Load(path, options), encoder: new CountingEncoder(identity: null)));
        Assert.False(IsKept(DataSet.Load(path, options with { CacheDir = "" })));
        Assert.False(IsKept(new DataSet(DataSet.Load(path, options).Rows)));
        File.AppendAllText(path, Line("text", 300) + "\n");
        Assert.False(IsKept(DataSet.Load(path, options)));

        bool IsKept(DataSet data, PackingStrategy packing = PackingStrategy.Bfd, CountingEncoder? encoder = null)
        {
            encoder ??= new CountingEncoder();
            var prepared = Prepare(data, packing, encoder);
            Assert.Equal(prepared.Report.FromCache, encoder.Calls == 0);
            return prepared.Report.FromCache;
        }
    }

    [Fact]
    public void Filters_MakeOtherRows_AndAreCountedAgain()
    {
        string path = Write("pair");
        var all = Options(false, true);
        var some = all with { Filters = [RowFilter.Parse("completion<100")] };
        var function = all with { Filters = [new RowFilter(row => (string?)row["completion"] == "7")] };
        for (int run = 0; run < 2; run++)
        {
            Assert.Equal(300, DataSet.Load(path, all).Count);
            var source = DataSource.Find(path, new HubAccess(null), null, null);
            Assert.Equal(100, DataSet.Load(source.FetchRows(), some, out long leftOut).Count);
            Assert.Equal(200, leftOut);
            Assert.Equal(1, DataSet.Load(path, function).Count);
            Assert.Equal(10, DataSet.Load(path, all, split: "train[:10]").Count);
            Assert.Equal(20, DataSet.Load(path, all, split: "train[:20]").Count);
        }

        Assert.Equal(4, Directory.GetFiles(Cache, "*.rows").Length);
    }

    [Fact]
    public void Template_ThatDiffers_MakesOtherRows()
    {
        string path = Write("pair");
        var first = Options(false, true) with { Template = new RowTemplate(null, new("{prompt}"), new("{completion}")) };
        var second = first with { Template = new RowTemplate(null, new("{prompt}!"), new("{completion}")) };
        string[] prints =
        [
            .. new[] { first, second, first, second }.Select(options => Prepare(DataSet.Load(path, options)).Packed.DataFingerprint),
        ];
        Assert.Equal(prints[..2], prints[2..]);
        Assert.NotEqual(prints[0], prints[1]);
    }

    /// <summary>Options go into the key as the record prints them, but for the filters and a template's column of messages: a property must
    /// print what it holds, or go in by itself.</summary>
    [Fact]
    public void Options_PrintWhatTheyHold()
    {
        Type[] printed = [typeof(string), typeof(RowKind?), typeof(DataFormat?), typeof(RowTemplate), typeof(IReadOnlyList<RowFilter>)];
        var ofRows = typeof(DataSetOptions).GetProperties().Where(property => property.Name != nameof(DataSetOptions.Progress)); // left out
        Assert.All(ofRows, property => Assert.Contains(property.PropertyType, printed));
        Assert.All(
            typeof(RowTemplate).GetProperties(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance),
            property => Assert.True(
                property.PropertyType == typeof(PromptTemplate) || property.Name is "MessagesColumn" or "EqualityContract", property.Name));
        Assert.Contains("User = a{{}} {b}", $"{new DataSetOptions { Template = new(null, new("a{{}} { b }"), new("c")) }}");

        Type[] ofExamples = [typeof(int?), typeof(PackingStrategy), typeof(bool?), typeof(bool)];
        Assert.All(typeof(ExampleOptions).GetProperties(), property => Assert.Contains(property.PropertyType, ofExamples));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Create_OfADamagedFile_TokenizesAnewAndSaysSo(bool spilled)
    {
        string path = Write("labels");
        string expected = Describe(Prepare(DataSet.Load(path, Options(spilled, true))));
        string kept = Directory.GetFiles(Cache, "*.tokens").Single();
        byte[] good = File.ReadAllBytes(kept);
        var random = new Random(1);
        for (int trial = 0; trial < 60; trial++)
        {
            byte[] bad = [.. good];
            int at = trial < 20 ? trial : random.Next(good.Length);
            if (trial % 3 == 0) bad = bad[..at];
            else if (trial == 1) bad = [.. bad, 0];
            else bad[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(kept, bad);
            var prepared = Prepare(DataSet.Load(path, Options(spilled, true)));
            Assert.Equal(expected, Describe(prepared));
            Assert.Equal($"{kept}: is damaged; the rows were tokenized anew.", prepared.Report.CacheNote);
            Assert.Equal(good, File.ReadAllBytes(kept));
        }

        Assert.True(Prepare(DataSet.Load(path, Options(spilled, true))).Report.FromCache);
    }

    [Fact]
    public void Load_OfADamagedNote_ReadsTheRows()
    {
        string path = Write("text");
        int count = DataSet.Load(path, Options(false, true)).Count;
        string note = Directory.GetFiles(Cache, "*.rows").Single();
        byte[] good = File.ReadAllBytes(note);
        for (int at = 0; at < good.Length; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= 4;
            File.WriteAllBytes(note, bad);
            Assert.Equal(count, DataSet.Load(path, Options(false, true)).Count);
            Assert.Equal(good, File.ReadAllBytes(note));
        }
    }

    [Fact]
    public void Load_OfAFileThatChangesLater_IsAnError()
    {
        string path = Write("text");
        DataSet.Load(path, Options(false, true));
        var data = DataSet.Load(path, Options(false, true));
        Assert.Equal(300, data.Count);
        File.WriteAllText(path, """{"text":"other"}""");
        var error = Assert.Throws<LapidaryException>(() => data.Rows[0]);
        Assert.Equal($"{path}: changed while it was used; start again.", error.Message);
    }

    [Fact]
    public async Task Create_AtTheSameTime_TokenizesOnce()
    {
        string path = Write("text", 2000);
        CountingEncoder[] encoders = [.. Enumerable.Range(0, 6).Select(_ => new CountingEncoder())];
        string[] results = await Task.WhenAll(encoders.Select(encoder => Task.Run(
            () => Prepare(DataSet.Load(path, Options(false, true)), encoder: encoder).Packed.DataFingerprint,
            TestContext.Current.CancellationToken)));
        Assert.Single(results.Distinct());
        Assert.Single(encoders, encoder => encoder.Calls > 0);
        Assert.Empty(Directory.GetFiles(Cache, "*.lock"));
    }

    [Fact]
    public void Create_RemovesWhatAKilledProcessLeft()
    {
        Directory.CreateDirectory(Cache);
        string dead = Path.Combine(Cache, "a.tokens.tmp-dead"), live = Path.Combine(Cache, "b.tokens.tmp-live");
        string foreign = Path.Combine(Cache, "notes.txt");
        foreach (string file in new[] { dead, foreign }) File.WriteAllText(file, "x");
        using var writer = new FileStream(live, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        Prepare(DataSet.Load(Write("text"), Options(false, true)));
        Assert.False(File.Exists(dead));
        Assert.True(File.Exists(live));
        Assert.True(File.Exists(foreign));
        if (OperatingSystem.IsWindows()) return;
        foreach (string file in Directory.GetFiles(Cache, "*.tokens"))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public void Create_WithoutAFolderThatCanBeWritten_SaysSoAndWorks()
    {
        File.WriteAllText(Cache, "a file where the folder should be");
        var prepared = Prepare(DataSet.Load(Write("text"), Options(true, true)));
        Assert.False(prepared.Report.FromCache);
        Assert.Contains("are not kept for later runs", prepared.Report.CacheNote, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', prepared.Report.CacheNote!);
    }

    [Fact]
    public void Create_OfFewRows_KeepsNothing()
    {
        Prepare(DataSet.Load(Write("text"), new DataSetOptions { CacheDir = Cache }));
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public void Join_PutsRowsOneAfterTheOther()
    {
        var first = DataSet.Load(Write("text", 5), Options(true, true));
        var second = DataSet.Load(Write("pair", 3), Options(false, true));
        var joined = DataSet.Join([first.Select(2), second, first.Pick([4, 0])]);
        DataRow[] expected = [.. first.Rows.Take(2), .. second.Rows, first.Rows[4], first.Rows[0]];
        Assert.Equal(expected, joined.Rows);
        Assert.Equal([0, 0, 1, 1, 1, 2, 2], Enumerable.Range(0, joined.Count).Select(joined.PartOf));
        Assert.NotNull(joined.ContentHash());
        Assert.NotEqual(joined.ContentHash(), DataSet.Join([first.Select(2), second, first.Pick([0, 4])]).ContentHash());
        Assert.Null(DataSet.Join([first, new DataSet([new TextRow("x")])]).ContentHash());
    }

    [Fact]
    public void Errors_NameFileAndLine_OfSpilledRows()
    {
        string path = Write("text");
        File.AppendAllText(path, "\n{\"text\":\"\u9999\"}\n");
        var error = Assert.Throws<LapidaryException>(() => Prepare(DataSet.Load(path, Options(true, false)).Shuffle(2)));
        Assert.StartsWith($"{path} line 302: expected input_ids", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1000, 2)]
    [InlineData(262_144, 3)]
    [InlineData(int.MaxValue, 4)]
    public void ExampleReader_ReadsPartsOfExamples(int vocabulary, int width)
    {
        var random = new Random(vocabulary);
        Example[] examples = [.. Enumerable.Range(0, 60).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(vocabulary))];
            return new Example(ids, (i % 4) switch
            {
                0 => ids,
                1 => [.. ids.Select((id, j) => j < 5 ? -100 : id)],
                2 => [.. ids.Select(id => random.Next(2) == 0 ? -100 : id)],
                _ => [.. ids.Select(_ => random.Next(3) == 0 ? -100 : random.Next(vocabulary))],
            });
        })];
        var writer = new ExampleWriter(vocabulary, new StorageLimits { MemoryBytes = 0 }, null);
        for (int i = 0; i < examples.Length; i++) writer.Add(examples[i], i);
        var set = writer.Build();
        Assert.Equal(width, set.Width.Bytes);
        var reader = new ExampleReader(set);
        for (int i = 0; i < examples.Length; i++)
        {
            Assert.Equal(examples[i].TrainedTokens, set.Trained[i]);
            for (int start = 0; start < examples[i].InputIds.Length; start++)
            {
                int length = random.Next(1, examples[i].InputIds.Length - start + 1);
                int[] ids = new int[length], labels = new int[length];
                reader.Read(i, start, ids, labels);
                Assert.Equal(examples[i].InputIds[start..(start + length)], ids);
                Assert.Equal(examples[i].Labels[start..(start + length)], labels);
            }
        }
    }

    /// <summary>Of a spilled set, too.</summary>
    [Fact]
    public void Batch_AllocatesNothingOnceASizeIsThere()
    {
        var packed = Prepare(DataSet.Load(Write("pair"), Options(true, false))).Packed;
        int[] some = [0, 1, 2];
        packed.Batch(some);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) packed.Batch(some);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
