using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Lapidary.Training.Tests.Data;

/// <summary>Tokens that are kept are those of an earlier run, or are made anew.</summary>
public sealed class KeptTokensTests : KeptRows
{
    /// <summary>Rows of every kind, of several lengths, as JSON Lines.</summary>
    public static TheoryData<string, PackingStrategy> Kinds => new MatrixTheoryData<string, PackingStrategy>(
        ["text", "pair", "chat", "context", "conversation", "tokens", "labels"],
        [PackingStrategy.None, PackingStrategy.Bfd, PackingStrategy.Wrapped]);

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
    public void Create_OfFewRows_KeepsNothing()
    {
        Prepare(DataSet.Load(Write("text"), new DataSetOptions { CacheDir = Cache }));
        Assert.False(Directory.Exists(Cache));
    }
}
