using System.Diagnostics;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

public sealed class ResumeTests : HubTest
{
    private const long Large = 60 << 20, Loss = 10 << 20;

    private const string Weights = "weights.safetensors";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Seeded.AddFile(Weights, HubContent.Generate(Large, seed: 3));
    }

    [Fact]
    public async Task ABrokenBody_GoesOnWhereItBroke()
    {
        Server.Add(HubFault.CutBody($"/cdn/*{Weights}", 20 << 20));
        Server.Add(HubFault.CutBody($"/cdn/*{Weights}", 20 << 20) with { Skip = 1 });

        var snapshot = await DownloadAsync();

        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
        Assert.InRange(Sent(), Large, Large + 2 * Loss);
        Assert.Equal(3, Server.Requests.Count(IsStorage));
    }

    [Fact]
    public async Task ABodyThatStandsStill_IsAskedForAgain()
    {
        Server.Add(HubFault.Stall($"/cdn/*{Weights}", 15 << 20));
        await DownloadAsync(options: Options with { TransferTimeout = TimeSpan.FromSeconds(1) });
        Assert.InRange(Sent(), Large, Large + Loss);
    }

    [Fact]
    public async Task ACancelledDownload_GoesOn()
    {
        Server.Add(HubFault.Stall($"/cdn/*{Weights}", 30 << 20));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using (var client = Client(Options with { TransferTimeout = TimeSpan.FromMinutes(5) }))
        {
            var download = client.DownloadAsync(Repo, cancellation: stop.Token);
            await WaitAsync(() => Length(PartOf(Weights)) >= 29 << 20);
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => download);
        }

        Assert.False(File.Exists(Folder.At($"hub/models--acme--tiny/blobs/{Seeded.Head.Files[Weights].Hash}")));
        var snapshot = await DownloadAsync();
        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
        Assert.InRange(Sent(), Large, Large + Loss);
        Assert.DoesNotContain(Blobs, name => name.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AKilledProcess_LosesLittle_AndTheNextGoesOn()
    {
        Server.Add(HubFault.Stall($"/cdn/*{Weights}", 40 << 20));
        using (var child = ChildProcess.Start(Options))
        {
            await WaitAsync(() => Length(PartOf(Weights)) >= 30 << 20);
            child.Kill();
            await child.WaitForExitAsync(Cancellation);
        }

        var snapshot = await DownloadAsync();
        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
        Assert.InRange(Sent(), Large, Large + Loss);
    }

    [Fact]
    public async Task TwoProcesses_FetchEachFileOnce()
    {
        Server.Add(HubFault.Slow($"/cdn/*{Weights}", 40e6));
        using var child = ChildProcess.Start(Options);
        await WaitAsync(() => Length(PartOf(Weights)) > 0);

        var snapshot = await DownloadAsync();

        await child.WaitForExitAsync(Cancellation);
        Assert.Equal(0, child.ExitCode);
        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
        Assert.Equal(Large, Sent());
    }

    [Fact]
    public async Task APartThatIsDamaged_IsFetchedAnew()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PartOf(Weights))!);
        File.WriteAllBytes(PartOf(Weights), new byte[5 << 20]);
        var snapshot = await DownloadAsync();
        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AServerThatKnowsNoRanges_SendsTheWhole(bool refuses)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PartOf(Weights))!);
        File.WriteAllBytes(PartOf(Weights), Content(Weights)[..(5 << 20)]);
        Server.Add(refuses ? HubFault.Status($"/cdn/*{Weights}", 416, "no") : HubFault.IgnoreRange($"/cdn/*{Weights}"));
        var snapshot = await DownloadAsync();
        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
    }

    [Fact]
    public async Task AnExpiredAddress_IsAskedForAnew()
    {
        Server.Add(HubFault.CutBody($"/cdn/*{Weights}", 20 << 20));
        Server.Add(HubFault.ExpiredUrl($"/cdn/*{Weights}") with { Skip = 1 });
        var snapshot = await DownloadAsync();
        Assert.Equal(Seeded.Head.Files[Weights].Hash, Hash(Path.Combine(snapshot.Path, Weights)));
        Assert.Equal(3, Server.Requests.Count(
            request => request.Path.Contains($"/resolve/{Seeded.Head.Oid}/{Weights}", StringComparison.Ordinal)));
    }

    /// <summary>Not a test: what the child process of other tests does.</summary>
    [Fact(Explicit = true)]
    public async Task Child()
    {
        string[] values = Environment.GetEnvironmentVariable(ChildProcess.Variable)!.Split('|');
        using var client = new HubClient(new HubOptions
        {
            Endpoint = new Uri(values[0]),
            CacheFolder = values[1],
            HomeFolder = Folder.At("home"),
            Token = new HubToken(HubTokens.Read, "HF_TOKEN"),
            TransferTimeout = TimeSpan.FromMinutes(5),
        });
        await client.DownloadAsync(Repo, cancellation: Cancellation);
    }

    private static bool IsStorage(HubRequest request) =>
        request.Host == HubHost.Storage && request.Path.EndsWith(Weights, StringComparison.Ordinal);

    private long Sent() => Server.Requests.Where(IsStorage).Sum(request => request.BytesSent);

    private static long Length(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;

    private static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file));
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(2), "it took too long");
            await Task.Delay(20, Cancellation);
        }
    }
}
