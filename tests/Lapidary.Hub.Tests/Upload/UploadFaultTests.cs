using Lapidary.Formats;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests.Upload;

public sealed class UploadFaultTests : UploadTest
{
    [Fact]
    public async Task StorageThatTakesTheBytesAndIsSilent_IsGivenUpSoon()
    {
        Write("model.safetensors", Bytes(200_000));
        using var silent = new SilentStorage();
        using var client = new HubClient(Options, silent);
        var error = await Assert.ThrowsAsync<HubException>(() => client.UploadAsync(Source, Repo, cancellation: Cancellation));
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains("no answer", error.Message);
        Assert.Equal(2 * 3, silent.Puts); // a wait that ends at once is repeated twice by the request itself
    }

    [Fact]
    public async Task ARefusal_IsOneLine_WithoutNotes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        Write("a.txt", "a");
        Directory.CreateDirectory(Home);
        Directory.CreateSymbolicLink(Path.Combine(Source, "home"), Home);
        Options = Options with { Token = new HubToken(HubTokens.Read, "HF_TOKEN") };
        await FailAsync<HubException>();
        Assert.Empty(Notes);
    }

    [Theory]
    [InlineData(200_000)]
    [InlineData(450_001)] // in parts
    public async Task AnAddressThatRanOut_IsAskedForAnew(int size)
    {
        Server.Add(HubFault.ExpiredUrl("PUT /upload/*"));
        byte[] bytes = Bytes(size);
        Write("model.safetensors", bytes);
        await UploadAsync();
        Assert.Equal(bytes, There().Head.Files["model.safetensors"].Content.ToArray());
        Assert.Equal(2, Count("POST", "/batch"));
    }

    [Fact]
    public async Task StorageThatAlwaysRefuses_IsAnError_ThatNamesTheFile()
    {
        Server.Add(HubFault.ExpiredUrl("PUT /upload/*") with { Times = HubFault.Always });
        Write("model.safetensors", Bytes(1000));
        var error = await FailAsync<HubException>();
        Assert.Contains("model.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Contains("ada/tiny", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, Count("PUT", ""));
    }

    [Theory]
    [InlineData(200_000)]
    [InlineData(450_001)]
    public async Task AConnectionThatBreaks_IsTriedAgain(int size)
    {
        Server.Add(HubFault.CutRequest("PUT /upload/*", 50_000) with { Times = 2 });
        Server.Add(HubFault.Status("PUT /upload/*", 503) with { Skip = 2 });
        Write("model.safetensors", Bytes(size));
        var seen = new List<TransferProgress>();
        await UploadAsync(new UploadOptions { Progress = new Into(seen) });
        Assert.Equal(size, seen[^1].Bytes);
        Assert.Equal(["model.safetensors"], PathsThere());
    }

    [Fact]
    public async Task AnUploadThatWasStopped_GoesOnWithoutSendingAgain()
    {
        Server.Add(HubFault.Status("POST */commit/*", 403, "not now"));
        Write("model.safetensors", Bytes(450_001));
        await FailAsync<HubException>();
        Server.ClearLog();
        await UploadAsync();
        Assert.Equal(0, Count("PUT", ""));
        Assert.Equal(["model.safetensors"], PathsThere());
    }

    [Fact]
    public async Task ABranchThatChanged_IsCommittedTo_Again()
    {
        Server.AddRepository(Repo.Id);
        Server.Add(HubFault.Before("POST */commit/*", server => server.Find(Repo.Id)!.AddFile("other.txt", "other")));
        Write("a.txt", "a");
        var result = await UploadAsync();
        Assert.Equal(["a.txt", "other.txt"], PathsThere());
        Assert.Equal(There().Head.Oid, result.Commit);
        Assert.Equal(2, Count("POST", "/commit/"));
    }

    [Fact]
    public async Task ABranchThatKeepsChanging_IsOneLine()
    {
        Server.Add(HubFault.Conflict("POST */commit/*") with { Times = HubFault.Always });
        Write("a.txt", "a");
        var error = await FailAsync<HubException>();
        Assert.Equal(HubError.Changed, error.Error);
        Assert.Contains("ada/tiny", error.Message, StringComparison.Ordinal);
        Assert.Contains("changed", error.Message, StringComparison.Ordinal);
        Assert.InRange(Count("POST", "/commit/"), 2, 6);
    }

    [Fact]
    public async Task ACommitWhoseAnswerIsLost_IsNotMadeTwice()
    {
        Server.Add(HubFault.LoseAnswer("POST */commit/*"));
        Write("a.txt", "a");
        Write("model.safetensors", Bytes(1000));
        var result = await UploadAsync();
        Assert.Equal(There().Head.Oid, result.Commit);
        Assert.Equal(1, Count("POST", "/commit/"));
    }

    [Theory]
    [InlineData("POST */commit/*")]
    [InlineData("POST */preupload/*")]
    [InlineData("POST */batch")]
    [InlineData("POST */repos/create")]
    [InlineData("POST */verify*")]
    public async Task AServerThatIsBusyOnce_IsAskedAgain(string where)
    {
        Server.Add(HubFault.Status(where, 500));
        Write("a.txt", "a");
        Write("model.safetensors", Bytes(450_001));
        await UploadAsync();
        Assert.Equal(["a.txt", "model.safetensors"], PathsThere());
    }

    [Fact]
    public async Task AnotherOperationOnTheName_IsWaitedFor_NotForEver()
    {
        const string Busy = "Cannot create repo: another conflicting operation is in progress";
        Server.Add(HubFault.Status("POST */repos/create", 409, Busy) with { Times = 2 });
        Write("a.txt", "a");
        await UploadAsync();
        Server.Add(HubFault.Status("POST */repos/create", 409, Busy) with { Times = HubFault.Always });
        var error = await FailAsync<HubException>(repo: new HubRepo("ada/other"));
        Assert.Contains("ada/other", error.Message, StringComparison.Ordinal);
        Assert.InRange(Count("POST", "create"), 5, 12);
    }

    [Fact]
    public async Task AFileThatChangesMeanwhile_IsAnError()
    {
        string file = Write("a.txt", "a");
        Server.Add(HubFault.After("POST */preupload/*", _ => File.WriteAllText(file, "changed")));
        var error = await FailAsync<LapidaryException>();
        Assert.Contains("a.txt", error.Message, StringComparison.Ordinal);
        Assert.Contains("changed", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", "/commit/"));
    }

    [Fact]
    public async Task AFileThatChangesBeforeItsContentIsSent_IsAnError()
    {
        string file = Write("model.safetensors", Bytes(1000));
        Server.Add(HubFault.After("POST */batch", _ => File.WriteAllBytes(file, Bytes(1000, seed: 9))));
        Assert.Contains("changed", (await FailAsync<LapidaryException>()).Message, StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", "/commit/"));
    }

    [Fact]
    public async Task WithoutAToken_OneIsAskedFor()
    {
        Options = Options with { Token = null };
        Write("a.txt", "a");
        var error = await FailAsync<HubException>();
        Assert.Equal(HubError.Token, error.Error);
        Assert.Contains("login", error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Requests);
    }

    [Theory]
    [InlineData(HubTokens.Read, true)]
    [InlineData(HubTokens.Read, false)]
    [InlineData(HubTokens.Bad, true)]
    [InlineData(HubTokens.Other, true)]
    public async Task ATokenThatMayNot_IsNamedByItsSource(string token, bool exists)
    {
        if (exists) Server.AddRepository(Repo.Id);
        Options = Options with { Token = new HubToken(token, "/home/x/token") };
        Write("a.txt", "a");
        var error = await FailAsync<HubException>();
        Assert.Equal(HubError.Token, error.Error);
        Assert.Contains("token of /home/x/token", error.Message, StringComparison.Ordinal);

        using var client = new HubClient(Options);
        error = await Assert.ThrowsAsync<HubException>(() => client.PrepareUploadAsync(Repo, cancellation: Cancellation));
        Assert.Equal(HubError.Token, error.Error);
    }

    [Fact]
    public async Task Offline_NothingIsAsked()
    {
        Options = Options with { IsOffline = true };
        Write("a.txt", "a");
        Assert.Equal(HubError.Offline, (await FailAsync<HubException>()).Error);
        Assert.Empty(Server.Requests);
    }

    private sealed class Into(List<TransferProgress> list) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => list.Add(value);
    }
}
