using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Tests.Checkpoints;

public sealed class RunPathsTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "a", "b", "runs", "one"));

    private static string At(string relative) => Path.GetFullPath(Path.Combine(Root, relative));

    [Theory]
    [InlineData("initial-adapter", "./initial-adapter")]
    [InlineData("../rows.jsonl", "../rows.jsonl")]
    [InlineData("../../data/rows #1.jsonl", "../../data/rows #1.jsonl")]
    [InlineData("../../../far", null)]
    public void Shorten_NamesWhatIsNearFromTheFolderOn(string path, string? expected) =>
        Assert.Equal(expected ?? At(path), RunPaths.Shorten(At(path), Root));

    [Theory]
    [InlineData("google/gemma-3-1b-pt")]
    [InlineData("text-to-sql")]
    [InlineData("-")]
    [InlineData("none")]
    public void Shorten_LeavesNamesAsTheyAre(string name)
    {
        Assert.Equal(name, RunPaths.Shorten(name, Root));
        Assert.Equal(name, RunPaths.Resolve(name, Root, null, _ => true));
    }

    [Fact]
    public void Shorten_KeepsTheSplitBehindAPath() =>
        Assert.Equal("../rows.jsonl:train[:10]", RunPaths.Shorten(At("../rows.jsonl") + ":train[:10]", Root));

    /// <summary>A folder at the top of the file system is near nothing.</summary>
    [Fact]
    public void Shorten_KeepsWholePathsAcrossTheRoot()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("paths of Unix");
        Assert.Equal("/data/rows.jsonl", RunPaths.Shorten("/data/rows.jsonl", "/out"));
        Assert.Equal("./x", RunPaths.Shorten("/out/x", "/out/"));
    }

    /// <summary>A tree that was moved is found where the file lies, a folder that was moved alone finds what it left behind.</summary>
    [Fact]
    public void Resolve_GoesByWhereTheFileLies_AndThenWhereItLay()
    {
        string moved = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "elsewhere", "one"));
        string near = Path.GetFullPath(Path.Combine(moved, "..", "rows.jsonl")), former = At("../rows.jsonl");
        Assert.Equal(near, RunPaths.Resolve("../rows.jsonl", moved, Root, path => path == near));
        Assert.Equal(former, RunPaths.Resolve("../rows.jsonl", moved, Root, path => path == former));
        Assert.Equal(near, RunPaths.Resolve("../rows.jsonl", moved, Root, _ => false));
        Assert.Equal(Path.Combine(moved, "x"), RunPaths.Resolve("./x", moved, null, _ => false));
    }
}
