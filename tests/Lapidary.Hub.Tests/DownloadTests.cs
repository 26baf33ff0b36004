namespace Lapidary.Hub.Tests;

public sealed class DownloadTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly FakeHub _hub = new();
    private readonly HubOptions _options;

    public DownloadTests()
    {
        _options = FakeHub.Options(_folder);
        _hub.Files["config.json"] = "{}"u8.ToArray();
        _hub.Files["sub/empty.txt"] = [];
        _hub.Files["model.safetensors"] = Bytes(3_000_000);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Snapshots_AreLaidOutAsPythonDoes()
    {
        var snapshot = await Client().DownloadAsync(FakeHub.Repo, cancellation: Cancellation);

        Assert.Equal((3, 3_000_002, 3_000_002), (snapshot.Files, (int)snapshot.Bytes, (int)snapshot.TransferredBytes));
        string repo = "models--owner--name", commit = _hub.Commit;
        Assert.Equal(_folder.At($"hub/{repo}/snapshots/{commit}"), snapshot.Path);
        string[] etags = [.. _hub.Files.Values.Select(FakeHub.Etag).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                .. etags.Select(etag => $".locks/{repo}/{etag}.lock"), "CACHEDIR.TAG", .. etags.Select(etag => $"{repo}/blobs/{etag}"),
                $"{repo}/refs/main", $"{repo}/snapshots/{commit}/config.json", $"{repo}/snapshots/{commit}/model.safetensors",
                $"{repo}/snapshots/{commit}/sub/empty.txt", $"{repo}/trees/{commit}.json",
            ],
            _folder.Files("hub"));
        Assert.Equal(commit, File.ReadAllText(_folder.At($"hub/{repo}/refs/main")));
        Assert.StartsWith("Signature: 8a477f597d28d172789f06886806bc55\n", File.ReadAllText(_folder.At("hub/CACHEDIR.TAG")));
        Assert.Equal(
            $"../../../blobs/{FakeHub.Etag([])}", new FileInfo(_folder.At($"hub/{repo}/snapshots/{commit}/sub/empty.txt")).LinkTarget);
        Assert.Equal(_hub.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(snapshot.Path, "model.safetensors")));
    }

    private HubClient Client(HubOptions? options = null) => new(options ?? _options, _hub);

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
