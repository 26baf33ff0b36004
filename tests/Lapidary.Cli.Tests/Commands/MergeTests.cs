using Lapidary.Formats;
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
        string[] files = Directory.GetFiles(_folder["merged"], "*.safetensors");
        Assert.True(files.Length > 1);
        var tensors = files.SelectMany(Entries).ToArray();
        Assert.Equal(tensors.Length, json.GetProperty("tensors").GetInt32());
        Assert.Equal(tensors.Sum(tensor => tensor.LengthBytes), json.GetProperty("bytes").GetInt64());

        static IReadOnlyList<SafetensorsEntry> Entries(string path)
        {
            using var file = SafetensorsFile.Open(path);
            return file.Entries;
        }
    }

    [Fact]
    public void Merge_IntoAFolderWithAModel_NeedsOverwrite()
    {
        Assert.Contains("Check: over 32 tokens", CliRun.Of(Args).Ok().Out, StringComparison.Ordinal);
        CliRun.Of(Args).AssertError(1, "already holds a model", "--overwrite");
        CliRun.Of([.. Args, "--overwrite"]).Ok();
    }
}
