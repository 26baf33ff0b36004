using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

/// <summary>One line for each refusal, with what to do.</summary>
public sealed class RefusalTests : HubTest
{
    private HubOptions Anonymous => Options with { Token = null };

    private string Page => $"{Server.ApiUrl}/acme/tiny";

    [Fact]
    public async Task Gated_WithoutAToken_NamesThePage_AndLogin()
    {
        Seeded.Gate = HubGate.Manual;
        var error = await FailAsync(options: Anonymous);
        Assert.Equal(HubError.Gated, error.Error);
        Assert.Contains(Page, error.Message);
        Assert.Contains("login", error.Message);
    }

    [Theory]
    [InlineData(HubGrant.NotAsked, "not in the authorized list")]
    [InlineData(HubGrant.Pending, "awaiting a review")]
    [InlineData(HubGrant.Rejected, "rejected")]
    public async Task Gated_WithAToken_NamesThePage_AndTheHubsWords(HubGrant grant, string words)
    {
        Seeded.Gate = HubGate.Manual;
        Seeded.GateHidesInfo = true;
        Seeded.Grant("bob", grant);
        var error = await FailAsync(options: Options with { Token = new HubToken(HubTokens.Other, "HF_TOKEN") });
        Assert.Equal(HubError.Gated, error.Error);
        Assert.Contains(Page, error.Message);
        Assert.Contains(words, error.Message);
        Assert.Contains("HF_TOKEN", error.Message);
    }

    [Fact]
    public async Task FineGrainedTokens_AreToldWhichPermissionTheyLack()
    {
        Server.AddRepository("other/gated", configure: repo => repo.Gate = HubGate.Auto).AddFile("config.json", "{}");
        Server.Find("other/gated")!.Grant("ada");
        var options = Options with { Token = new HubToken(HubTokens.WithoutGated, "HF_TOKEN") };
        var error = await FailAsync(options: options, repo: new HubRepo("other/gated"));
        Assert.Equal(HubError.Token, error.Error);
        Assert.Contains("public gated repositories", error.Message);
    }

    [Fact]
    public async Task MissingRepositories_NameTokenLoginAndPrivate()
    {
        var error = await FailAsync(options: Anonymous, repo: new HubRepo("acme/none"));
        Assert.Equal(HubError.RepositoryNotFound, error.Error);
        foreach (string word in (string[])["acme/none", "model", "private", "token", "login"]) Assert.Contains(word, error.Message);

        error = await FailAsync(repo: new HubRepo("acme/none", RepoType.Dataset));
        Assert.Equal(HubError.RepositoryNotFound, error.Error);
        foreach (string word in (string[])["acme/none", "dataset", "private", "HF_TOKEN"]) Assert.Contains(word, error.Message);
    }

    [Fact]
    public async Task RefusedTokens_AreNamedByTheirSource()
    {
        var error = await FailAsync(options: Options with { Token = new HubToken(HubTokens.Bad, "/home/me/token") });
        Assert.Equal(HubError.Token, error.Error);
        Assert.Contains("token of /home/me/token", error.Message);
        Assert.Contains("login", error.Message);
    }

    [Fact]
    public async Task RevisionsAndDisabledRepositories_AreNamed()
    {
        var error = await FailAsync(new DownloadOptions { Revision = "v9" });
        Assert.Equal((HubError.RevisionNotFound, true), (error.Error, error.Message.Contains("\"v9\"", StringComparison.Ordinal)));
        Seeded.IsDisabled = true;
        error = await FailAsync();
        Assert.Equal(HubError.Disabled, error.Error);
        Assert.Contains("acme/tiny", error.Message);
    }

    [Fact]
    public async Task ADeadEndpoint_IsNamedByHostAndPort_Soon()
    {
        int port = FreePort();
        long start = Stopwatch.GetTimestamp();
        var error = await FailAsync(options: Options with
        {
            Endpoint = new Uri($"http://127.0.0.1:{port}"),
            Time = TimeProvider.System,
        });
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains($"127.0.0.1:{port}", error.Message);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task AnEndpointThatNeverAnswers_IsNamed_Soon()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var error = await FailAsync(options: Options with
        {
            Endpoint = new Uri($"http://127.0.0.1:{port}"),
            MetadataTimeout = TimeSpan.FromSeconds(1),
        });
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains($"127.0.0.1:{port}", error.Message);
    }

    [Theory]
    [InlineData("model.safetensors", "/cdn/", "sha256")]
    [InlineData("config.json", "/api/resolve-cache/", "hash")]
    public async Task WrongContent_LeavesNothing(string file, string place, string word)
    {
        Server.Add(HubFault.WrongContent($"GET {place}*{file}"));
        var error = await FailAsync(new DownloadOptions { Include = [file] });
        Assert.Equal(HubError.WrongContent, error.Error);
        Assert.Contains(file, error.Message);
        Assert.Contains(word, error.Message);
        Assert.Empty(Blobs);
        Assert.Empty(Folder.Files($"hub/models--acme--tiny/snapshots"));
        await DownloadAsync();
    }

    [Fact]
    public async Task AFileThatChangedMeanwhile_IsWrong()
    {
        Server.Add(HubFault.OtherEtag("GET */resolve/*/model.safetensors", new string('b', 64)));
        var error = await FailAsync(new DownloadOptions { Include = ["*.safetensors"] }); // others may be under way, and are kept
        Assert.Equal(HubError.WrongContent, error.Error);
        Assert.Contains("model.safetensors", error.Message);
        Assert.DoesNotContain(Blobs, name => name.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(7)]
    public async Task WrongLengths_AreWrong(long delta)
    {
        Server.Add(HubFault.WrongLength("/cdn/*model.safetensors", delta) with { Times = HubFault.Always });
        var error = await FailAsync(new DownloadOptions { Include = ["*.safetensors"] });
        Assert.Equal(HubError.WrongContent, error.Error);
        Assert.Contains("model.safetensors", error.Message);
        Assert.Empty(Blobs);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/etc/x")]
    [InlineData("C:\\x")]
    [InlineData("C:x")]
    [InlineData("..\\x")]
    [InlineData("\\\\host\\x")]
    [InlineData("a//x")]
    [InlineData("./x")]
    [InlineData("a/NUL.txt")]
    [InlineData("com1")]
    [InlineData("a\u0001b")]
    public async Task OneHostileName_RefusesTheWhole_ByName(string name)
    {
        Seeded.AddFile(name, "evil");
        var error = await FailAsync(new DownloadOptions { Include = ["config.json"] });
        Assert.Equal(HubError.WrongContent, error.Error);
        Assert.Contains(name.Split('/', '\\', '\u0001')[^1], error.Message);
        Assert.Equal(["CACHEDIR.TAG"], Folder.Files("hub"));

        using var client = Client();
        Assert.Contains("nothing", (await Assert.ThrowsAsync<HubException>(() => client.DownloadAsync(
            Repo, new DownloadOptions { LocalDir = Folder.At("local") }, Cancellation))).Message);
        Assert.All(Folder.Files("local"), file => Assert.StartsWith(".cache/huggingface/", file));
    }

    [Fact]
    public async Task SizesBeyondTheDisk_AreRefusedFirst()
    {
        Seeded.Commit("bomb", [new HubFile("bomb.bin", "x", IsLfs: true) { ClaimedSize = 1L << 55 }]);
        using var client = Client();
        var error = await Assert.ThrowsAsync<Formats.LapidaryException>(() => client.DownloadAsync(Repo, cancellation: Cancellation));
        Assert.Contains("free disk space", error.Message);
        Assert.DoesNotContain(Server.Requests, request => request.Path.Contains("/resolve/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ADiskThatFillsUp_IsOneLine_AndTheDownloadGoesOn()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "No small disk can be mounted here.");
        string disk = Folder.At("disk"), filler = Path.Combine(disk, "filler");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", "size=8m", "none", disk), "No small disk can be mounted here.");
        try
        {
            Server.Add(HubFault.Before("/cdn/*", _ => File.WriteAllBytes(filler, new byte[6 << 20])));
            var options = Options with { CacheFolder = Path.Combine(disk, "hub") };
            using var client = Client(options);
            var error = await Assert.ThrowsAsync<Formats.LapidaryException>(() => client.DownloadAsync(Repo, cancellation: Cancellation));
            Assert.Contains("disk is full", error.Message);
            Assert.DoesNotContain(
                Folder.Files("disk/hub/models--acme--tiny/blobs"), name => name == Seeded.Head.Files["model.safetensors"].Hash);
            File.Delete(filler);
            var snapshot = await client.DownloadAsync(Repo, cancellation: Cancellation);
            Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Path.Combine(snapshot.Path, "model.safetensors")));
            Assert.True(snapshot.TransferredBytes < 3_000_001);
        }
        finally
        {
            Run("umount", disk);
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
