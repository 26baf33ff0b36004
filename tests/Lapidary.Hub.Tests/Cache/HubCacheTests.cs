using System.Diagnostics;
using Lapidary.Formats;
using Lapidary.Hub.Cache;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

public sealed class HubCacheTests : HubTest
{
    private const string Root = "hub/models--acme--tiny";

    [Fact]
    public async Task WithoutLinks_FilesAreMoved_AndReadByOthers()
    {
        var options = Options with { IsWithoutLinks = true };
        var snapshot = await DownloadAsync(options: options);
        Assert.All(Folder.Files(Root + "/snapshots"), file => Assert.Null(new FileInfo(Folder.At($"{Root}/snapshots/{file}")).LinkTarget));
        Assert.Empty(Blobs);
        Assert.Equal(0, (await DownloadAsync(options: options)).TransferredBytes);
        Assert.Equal(snapshot.Path, (await DownloadAsync()).Path);
        Assert.Equal(5, Assert.Single(new HubCache(options).List()).Files);
    }

    [Fact]
    public async Task WithoutLinks_ContentsOfOthers_AreCopied()
    {
        var first = await DownloadAsync();
        Seeded.AddFile("new.txt", "new");
        var second = await DownloadAsync(options: Options with { IsWithoutLinks = true });
        Assert.Equal(3, second.TransferredBytes);
        Assert.Null(new FileInfo(Path.Combine(second.Path, "model.safetensors")).LinkTarget);
        Assert.NotNull(new FileInfo(Path.Combine(first.Path, "model.safetensors")).LinkTarget);
        Assert.DoesNotContain(Blobs, name => name.Contains("incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ContentsThatOthersLeft_AreUsedWhereTheyAreRight()
    {
        var file = Seeded.Head.Files["model.safetensors"];
        Directory.CreateDirectory(Folder.At(Root + "/blobs"));
        File.WriteAllBytes(Folder.At($"{Root}/blobs/{file.Hash}"), Content("model.safetensors"));
        Assert.True((await DownloadAsync()).TransferredBytes < 10_000);

        // Another commit, and a content that a disk damaged.
        Seeded.AddFile("new.txt", "new");
        byte[] wrong = Content("model.safetensors");
        wrong[1000] ^= 1;
        File.WriteAllBytes(Folder.At($"{Root}/blobs/{file.Hash}"), wrong);
        var snapshot = await DownloadAsync();
        Assert.Equal(file.Size + 3, snapshot.TransferredBytes);
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Path.Combine(snapshot.Path, "model.safetensors")));

        // A file that is too short is no file.
        File.WriteAllBytes(Folder.At($"{Root}/blobs/{file.Hash}"), wrong[..1000]);
        Assert.Equal(file.Size, (await DownloadAsync()).TransferredBytes);
    }

    [Fact]
    public async Task ContentsOfAllRepositories_AreReadThroughTwoLinks()
    {
        var snapshot = await DownloadAsync();
        string blob = Folder.At($"{Root}/blobs/{Seeded.Head.Files["model.safetensors"].Hash}"), shared = Folder.At("hub/blobs/ab/abcd");
        Directory.CreateDirectory(Path.GetDirectoryName(shared)!);
        File.Move(blob, shared);
        File.CreateSymbolicLink(blob, "../../blobs/ab/abcd");
        Assert.Equal(0, (await DownloadAsync()).TransferredBytes);
        Assert.Equal(snapshot.Bytes, new HubCache(Options).List().Single().Bytes);
        Assert.Equal((0, 0), (new HubCache(Options).FindUnused().Commits, new HubCache(Options).FindUnused().Blobs));
    }

    [Fact]
    public async Task TheList_HasSizesRefsAndCommits()
    {
        Assert.Empty(new HubCache(Options).List());
        var first = await DownloadAsync();
        Server.AddRepository("acme/rows", HubRepoKind.Dataset).AddFile("a.csv", "a\n1\n");
        using var client = Client();
        await client.DownloadAsync(new HubRepo("acme/rows", RepoType.Dataset), cancellation: Cancellation);
        Directory.CreateDirectory(Folder.At("hub/unrelated"));

        var repos = new HubCache(Options).List();

        Assert.Equal([new HubRepo("acme/tiny"), new HubRepo("acme/rows", RepoType.Dataset)], repos.Select(repo => repo.Repo));
        Assert.Equal((first.Bytes, 5), (repos[0].Bytes, repos[0].Files));
        Assert.Equal([first.Commit], repos[0].Commits);
        Assert.Equal("main", Assert.Single(repos[0].Refs).Key);
        Assert.True(repos[0].LastUsed > DateTimeOffset.UtcNow.AddHours(-1));
    }

    [Fact]
    public async Task Prune_RemovesWhatNoRefNames()
    {
        var old = await DownloadAsync();
        Seeded.AddFiles(("model.safetensors", HubContent.Generate(2_000_000, seed: 9)), ("new.txt", "new"));
        var now = await DownloadAsync();
        string part = Folder.At($"{Root}/blobs/{new string('c', 64)}.lapidary.incomplete");
        File.WriteAllText(part, "part");
        string stale = Folder.At($"{Root}/blobs/{new string('d', 64)}.1234abcd.incomplete");
        File.WriteAllText(stale, "stale");
        File.SetLastWriteTimeUtc(stale, DateTime.UtcNow.AddDays(-2));

        var prune = new HubCache(Options).FindUnused();
        Assert.Equal((1, 2, 3_000_001 + 5), (prune.Commits, prune.Blobs, (int)prune.Bytes));
        Assert.True(Directory.Exists(old.Path));
        prune.Remove();

        Assert.False(Directory.Exists(old.Path));
        Assert.False(File.Exists(Folder.At($"{Root}/trees/{old.Commit}.json")));
        Assert.True(File.Exists(part));
        Assert.False(File.Exists(stale));
        Assert.Equal(0, (await DownloadAsync()).TransferredBytes);
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Path.Combine(now.Path, "model.safetensors")));
        Assert.Equal(0, new HubCache(Options).FindUnused().Bytes);
    }

    [Fact]
    public async Task Prune_TakesACacheOfOldClients_WithoutListsOfFiles()
    {
        var old = await DownloadAsync();
        Seeded.AddFile("new.txt", "new");
        await DownloadAsync();
        Directory.Delete(Folder.At(Root + "/trees"), recursive: true);
        new HubCache(Options).FindUnused().Remove();
        Assert.False(Directory.Exists(old.Path));
    }

    [Fact]
    public async Task Prune_KeepsWhatCameIntoUseSince()
    {
        var snapshot = await DownloadAsync();
        File.Delete(Folder.At(Root + "/refs/main"));
        var prune = new HubCache(Options).FindUnused();
        Assert.Equal((1, 5), (prune.Commits, prune.Blobs));
        await DownloadAsync();
        prune.Remove();
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Path.Combine(snapshot.Path, "model.safetensors")));

        File.Delete(Folder.At(Root + "/refs/main"));
        new HubCache(Options).FindUnused().Remove();
        Assert.False(Directory.Exists(Folder.At(Root)));
    }

    [Fact]
    public async Task ARepository_IsRemovedWhole()
    {
        var snapshot = await DownloadAsync();
        Server.AddRepository("acme/rows", HubRepoKind.Dataset).AddFile("a.csv", "a\n1\n");
        using var client = Client();
        await client.DownloadAsync(new HubRepo("acme/rows", RepoType.Dataset), cancellation: Cancellation);
        var removal = new HubCache(Options).Find([new HubRepo("acme/tiny")]);
        Assert.Equal((1, 5, snapshot.Bytes), (removal.Commits, removal.Blobs, removal.Bytes));
        removal.Remove();
        Assert.False(Directory.Exists(Folder.At(Root)));
        Assert.Equal("acme/rows", Assert.Single(new HubCache(Options).List()).Repo.Id);
        Assert.Equal(snapshot.Bytes, (await DownloadAsync()).TransferredBytes);
    }

    [Fact]
    public async Task ARepository_ThatIsFetched_StaysWhole()
    {
        var snapshot = await DownloadAsync();
        var removal = new HubCache(Options).Find([new HubRepo("acme/tiny")]);
        string etag = Seeded.Head.Files["model.safetensors"].Hash;
        using (CacheLock.TryAcquire(Folder.At($"hub/.locks/{Path.GetFileName(Root)}/{etag}.lock")))
        {
            Assert.Contains("another process", Assert.Throws<HubException>(removal.Remove).Message, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(snapshot.Path, "model.safetensors")));
        }

        removal.Remove();
        Assert.False(Directory.Exists(Folder.At(Root)));
    }

    [Fact]
    public async Task ALock_IsTheOneThatPythonTakes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "flock is a lock of Unix");
        string path = Folder.At("hub/.locks/x.lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        const string Program = "import fcntl,os,sys;f=os.open(sys.argv[1],os.O_RDWR|os.O_CREAT);fcntl.flock(f,fcntl.LOCK_EX);"
            + "print('held',flush=True);sys.stdin.readline()";
        var start = new ProcessStartInfo("python3", ["-c", Program, path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process? python = null;
        try
        {
            python = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("python3 is not installed");
        }

        using (python)
        {
            Assert.Equal("held", await python!.StandardOutput.ReadLineAsync(Cancellation));
            Assert.Null(CacheLock.TryAcquire(path));
            await python.StandardInput.WriteLineAsync();
            await python.WaitForExitAsync(Cancellation);
        }

        using var held = CacheLock.TryAcquire(path);
        Assert.NotNull(held);
        Assert.Null(CacheLock.TryAcquire(path));
    }

    [Fact]
    public async Task AFullCacheThatMayOnlyBeRead_IsReadAllTheSame()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the modes of Unix");
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root may write everywhere");
        await DownloadAsync();
        string[] folders = [Folder.At("hub"), .. Directory.GetDirectories(Folder.At("hub"), "*", SearchOption.AllDirectories)];
        SetMode(folders, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            Assert.Equal(5, (await DownloadAsync()).Files);
            Seeded.AddFile("new.txt", "new");
            using var client = Client();
            var error = await Assert.ThrowsAsync<LapidaryException>(() => client.DownloadAsync(Repo, cancellation: Cancellation));
            Assert.Contains("no permission", error.Message);
        }
        finally
        {
            SetMode(folders, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static void SetMode(string[] folders, UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows()) return;
        foreach (string folder in folders) File.SetUnixFileMode(folder, mode);
    }
}
