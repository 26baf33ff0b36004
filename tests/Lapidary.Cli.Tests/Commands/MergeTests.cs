using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

public sealed class MergeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string[] Args =>
    [
        "merge", "--model", TinyModel.Folder, "--adapter", Fixtures.Path("tiny/adapter"), "--output", _folder["merged"], "--threads", "1",
    ];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Merge_InFloat32_IsBasePlusAdapter()
    {
        var json = CliRun.Of([.. Args, "--dtype", "float32", "--max-shard-size", "1MB", "--json"]).Ok().Json;
        Assert.InRange(json.GetProperty("max_logit_distance").GetDouble(), 0, 1e-3);
        Assert.Equal(1, json.GetProperty("equal_argmax_share").GetDouble());
        using var merged = Checkpoint.Open(_folder["merged"]);
        Assert.Equal(merged.Entries.Count, json.GetProperty("tensors").GetInt32());
        Assert.Equal(merged.TotalBytes, json.GetProperty("bytes").GetInt64());
        Assert.True(merged.Files.Count > 1);
    }

    [Fact]
    public void Merge_IntoAFolderWithAModel_NeedsOverwrite()
    {
        Assert.Contains("Check: over 32 tokens", CliRun.Of(Args).Ok().Out, StringComparison.Ordinal);
        CliRun.Of(Args).AssertError(1, "already holds a model", "--overwrite");
        CliRun.Of([.. Args, "--overwrite"]).Ok();
    }
}
