using Lapidary.Formats;

namespace Lapidary.Training.Tests.Data;

/// <summary>A cache with faults costs time, not the run.</summary>
public sealed class DamagedCacheTests : KeptRows
{
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
}
