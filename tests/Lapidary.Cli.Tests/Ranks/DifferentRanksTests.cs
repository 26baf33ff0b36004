using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>Ranks that were started differently are told so before the first step, and leave nothing behind.</summary>
[Collection(nameof(RankedRuns))]
public sealed class DifferentRanksTests : IDisposable
{
    private static readonly string Second = $"rank 1 ({Environment.MachineName})";

    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task AnotherOption_IsNamed_WithBothValues()
    {
        string error = await ErrorOf(MpiRun.OpenMpi, "--learning-rate", "5e-3", "1e-3");
        Assert.Contains($"{Second} has --learning-rate 0.001, rank 0 ({Environment.MachineName}) 0.005", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherRows_NameTheRank()
    {
        string rows = TinyModel.WriteRows(_tool["."], TinyModel.Runs(11).Skip(1), "other.jsonl");
        Assert.Contains($"{Second} has other data", await ErrorOf(MpiRun.Mpich, "--dataset", _tool.Rows, rows), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherWeights_NameTheRank()
    {
        const string Name = "model.layers.1.self_attn.q_proj.weight";
        string model = Variant.Of(TinyModel.Folder, tensors => tensors[Name] = tensors[Name].With(element: 0, 0.5f));
        try
        {
            string error = await ErrorOf(MpiRun.OpenMpi, "--model", TinyModel.Folder, model);
            Assert.Contains($"{Second} has other weights of the base", error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(model, recursive: true);
        }
    }

    /// <summary>What all ranks say, if they say anything; those that only hear of it name the one that says it.</summary>
    private async Task<string> ErrorOf(string launcher, string option, string value, string another)
    {
        string[] args = _tool.TrainLong("out");
        if (args.Contains(option)) args = RankedTool.Without(option, args);
        using var run = RankedTool.StartWithAnother(launcher, 2, args, option, value, another);
        var end = await run.End(RankedTool.Limit, TestContext.Current.CancellationToken);
        Assert.NotEqual(0, end.ExitCode);
        Assert.False(Directory.Exists(_tool["out"]), $"{end}");
        string[] errors = RankedTool.Errors(end);
        Assert.True(errors.Length == 1, $"{end}");
        return errors[0];
    }
}
