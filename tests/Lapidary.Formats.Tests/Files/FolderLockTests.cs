using System.Diagnostics;
using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class FolderLockTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Fact]
    public void Acquire_RefusesASecondOwnerAndNamesTheFirst()
    {
        using (FolderLock.Acquire(_folder))
        {
            string message = Assert.Throws<LapidaryException>(() => FolderLock.Acquire(_folder + "/")).Message;
            Assert.StartsWith(
                $"{_folder}/: in use by process {Environment.ProcessId} on {Environment.MachineName} (", message, StringComparison.Ordinal);
            Assert.EndsWith(" UTC); wait for it or choose another folder.", message, StringComparison.Ordinal);
            Assert.All(Directory.GetFiles(_folder), file => Assert.True(FolderLock.IsPartOf(file)));
            Directory.CreateDirectory(Path.Combine(_folder, "inner"));
            FolderLock.Acquire(Path.Combine(_folder, "inner")).Dispose();
        }

        Assert.Empty(Directory.GetFiles(_folder));
        FolderLock.Acquire(_folder).Dispose();
    }

    [Fact]
    public void Acquire_CreatesTheFolder_AndDisposeRemovesWhatStayedEmpty()
    {
        string path = Path.Combine(_folder, "a", "b");
        FolderLock.Acquire(path).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        using (FolderLock.Acquire(path)) File.WriteAllText(Path.Combine(path, "x"), "");
        Assert.Equal([Path.Combine(path, "x")], Directory.GetFileSystemEntries(path));
    }

    [Fact]
    public void Acquire_TakesOverFromADeadOwner()
    {
        File.WriteAllText(Path.Combine(_folder, ".lapidary.lock"), "");
        File.WriteAllText(Path.Combine(_folder, ".lapidary.owner"), "process 1 on elsewhere (lapidary train, since 2020-01-01 10:02 UTC)");
        using (FolderLock.Acquire(_folder))
        {
            Assert.Contains(
                $"process {Environment.ProcessId} ", Assert.Throws<LapidaryException>(() => FolderLock.Acquire(_folder)).Message,
                StringComparison.Ordinal);
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Acquire_NeverHasTwoOwners()
    {
        int owners = 0, turns = 0;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            while (clock.ElapsedMilliseconds < 500 || (Volatile.Read(ref turns) <= 10 && clock.Elapsed.TotalSeconds < 60))
            {
                try
                {
                    using var owner = FolderLock.Acquire(_folder);
                    Assert.Equal(1, Interlocked.Increment(ref owners));
                    Interlocked.Increment(ref turns);
                    Interlocked.Decrement(ref owners);
                }
                catch (LapidaryException e)
                {
                    Assert.Contains("in use by ", e.Message, StringComparison.Ordinal);
                }
            }
        }, TestContext.Current.CancellationToken)));
        Assert.True(turns > 10, $"{turns}");
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Acquire_NamesAPlaceThatCannotBeAFolder()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        foreach (string path in new[] { file, Path.Combine(file, "a"), Path.Combine(_folder, new string('x', 300)), "/proc/lapidary" })
        {
            string message = Assert.Throws<LapidaryException>(() => FolderLock.Acquire(path)).Message;
            Assert.StartsWith(path + ": ", message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void Covers_TellsTheLockedFolder_UnderAnotherNameToo()
    {
        string other = Directory.CreateDirectory(Path.Combine(_folder, "other")).FullName;
        using var owner = FolderLock.Acquire(_folder);
        Assert.True(owner.Covers(_folder));
        Assert.False(owner.Covers(other));

        // As a second mount of the folder shows it.
        File.Copy(Path.Combine(_folder, ".lapidary.owner"), Path.Combine(other, ".lapidary.owner"));
        Assert.True(owner.Covers(other));
        File.WriteAllText(Path.Combine(other, ".lapidary.owner"), "process 1 on elsewhere (lapidary train)\nanother mark\n");
        Assert.False(owner.Covers(other));
    }

    [Fact]
    public void Dispose_GivesUpTheFolderItTook_WhereTheLinkToItIsGone()
    {
        string link = Path.Combine(_folder, "link"), target = Directory.CreateDirectory(Path.Combine(_folder, "target")).FullName;
        Directory.CreateSymbolicLink(link, target);
        using (FolderLock.Acquire(link)) Directory.Delete(link);
        Assert.Empty(Directory.GetFiles(target));
    }

    [Fact]
    public void Acquire_ThatCannotSayWhoItIs_LeavesNoLock()
    {
        string taken = Directory.CreateDirectory(Path.Combine(_folder, ".lapidary.owner")).FullName;
        Assert.StartsWith(
            _folder + ": ", Assert.Throws<LapidaryException>(() => FolderLock.Acquire(_folder)).Message, StringComparison.Ordinal);
        Assert.Equal([taken], Directory.GetFileSystemEntries(_folder));
    }
}
