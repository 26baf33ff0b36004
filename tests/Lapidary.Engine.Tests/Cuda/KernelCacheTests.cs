using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

public class KernelCacheTests : IDisposable
{
    private static readonly KernelSource Source = new("a.cu", "text");
    private static readonly KernelTarget Target = new("sm_90");
    private static readonly Version Compiler = new(12, 9);

    private readonly string _folder = Fixtures.TemporaryFolder();
    private int _compiled;

    [Fact]
    public void GetOrAdd_CompilesOnce()
    {
        string folder = Path.Combine(_folder, "made", "here");
        Assert.Equal([1, 2, 3], new KernelCache(folder).GetOrAdd("key", Compile));
        Assert.Equal([1, 2, 3], new KernelCache(folder).GetOrAdd("key", Compile));
        Assert.Equal(1, _compiled);
        Assert.Equal(["key.bin"], Directory.GetFiles(folder).Select(Path.GetFileName)); // no temporary file is left
    }

    [Fact]
    public void GetOrAdd_RebuildsADamagedEntry_WhicheverByteIsWrong()
    {
        var cache = new KernelCache(_folder);
        cache.GetOrAdd("key", Compile);
        string path = Path.Combine(_folder, "key.bin");
        byte[] good = File.ReadAllBytes(path);
        for (int i = 0; i < good.Length; i++)
        {
            byte[] bad = [.. good];
            bad[i] ^= 0x10;
            File.WriteAllBytes(path, bad);
            Assert.Equal([1, 2, 3], cache.GetOrAdd("key", Compile));
            Assert.Equal(good, File.ReadAllBytes(path));
        }

        Assert.Equal(1 + good.Length, _compiled);
    }

    [Theory]
    [InlineData("")]
    [InlineData("LPDKERN1")]
    [InlineData("some other program's file, longer than the head of an entry")]
    public void GetOrAdd_RebuildsAForeignFile(string content)
    {
        File.WriteAllText(Path.Combine(_folder, "key.bin"), content);
        var cache = new KernelCache(_folder);
        Assert.Equal([1, 2, 3], cache.GetOrAdd("key", Compile));
        Assert.Equal([1, 2, 3], cache.GetOrAdd("key", Compile));
        Assert.Equal(1, _compiled);
    }

    [Fact]
    public void GetOrAdd_WorksWithoutAWritableFolder()
    {
        // A file where the folder should be: not even root can write below it.
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Equal([1, 2, 3], new KernelCache(Path.Combine(file, "below")).GetOrAdd("key", Compile));
        Assert.Equal([1, 2, 3], new KernelCache(null).GetOrAdd("key", Compile));
        Assert.Equal(2, _compiled);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void GetOrAdd_OfManyAtOnce_CompilesOnce(bool hasFolder)
    {
        string key = Guid.NewGuid().ToString("N"); // a cache without a folder is the process's
        int compiled = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            byte[] image = new KernelCache(hasFolder ? _folder : null).GetOrAdd(key, () =>
            {
                Interlocked.Increment(ref compiled);
                Thread.Sleep(50);
                return [1, 2, 3];
            });
            Assert.Equal([1, 2, 3], image);
        });
        Assert.Equal(1, compiled);
    }

    [Fact]
    public async Task GetOrAdd_WaitsForAnotherProcess()
    {
        string locks = Directory.CreateDirectory(Path.Combine(_folder, "locks")).FullName;
        Task<byte[]> waiting;
        using (new FileStream(Path.Combine(locks, "k"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            waiting = Task.Run(() => new KernelCache(_folder).GetOrAdd("key", Compile), TestContext.Current.CancellationToken);
            await Task.Delay(100, TestContext.Current.CancellationToken);
            Assert.False(waiting.IsCompleted);
            new KernelCache(_folder).Keep("key", [7]);
        }

        Assert.Equal([7], await waiting);
        Assert.Equal(0, _compiled);
    }

    [Fact]
    public void GetOrAdd_KeepsNothing_WhenCompilationFails()
    {
        Assert.Throws<LapidaryException>(() => new KernelCache(_folder).GetOrAdd("key", () => throw new LapidaryException("wrong")));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Key_DependsOnEverythingThatDecidesTheImage()
    {
        KernelSource header = new("b.cuh", "more");
        string[] keys =
        [
            KernelCache.Key(Source, [header], ["-x"], Target, Compiler),
            KernelCache.Key(Source with { Text = "other" }, [header], ["-x"], Target, Compiler),
            KernelCache.Key(Source with { File = "other" }, [header], ["-x"], Target, Compiler),
            KernelCache.Key(Source, [header with { Text = "other" }], ["-x"], Target, Compiler),
            KernelCache.Key(Source, [header with { File = "other" }], ["-x"], Target, Compiler),
            KernelCache.Key(Source, [], ["-x"], Target, Compiler),
            KernelCache.Key(Source, [header], ["-y"], Target, Compiler),
            KernelCache.Key(Source, [header], ["-x", "-y"], Target, Compiler),
            KernelCache.Key(Source, [header], ["-x"], new KernelTarget("sm_89"), Compiler),
            KernelCache.Key(Source, [header], ["-x"], Target, new Version(13, 0)),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], KernelCache.Key(Source, [header], ["-x"], Target, Compiler));
        Assert.Matches("^[0-9a-f]{64}$", keys[0]);
    }

    [Fact]
    public void DefaultFolder_FollowsTheEnvironment()
    {
        Assert.Equal(Path.Combine("/own", "kernels"), Folder(("LAPIDARY_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home")));
        Assert.Equal(Path.Combine("/xdg", "lapidary", "kernels"), Folder(("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home")));
        Assert.Equal(Path.Combine("/home", ".cache", "lapidary", "kernels"), Folder(("HOME", "/home"), ("XDG_CACHE_HOME", "")));
        Assert.Null(Folder());

        static string? Folder(params (string Name, string Value)[] variables) =>
            KernelCache.DefaultFolder(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private byte[] Compile()
    {
        _compiled++;
        return [1, 2, 3];
    }
}
