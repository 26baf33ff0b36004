using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>The check lets pass what rounding does, and nothing that a wrong merge does.</summary>
public class MergeCheckTests
{
    private static readonly int[] Ids = [.. Enumerable.Range(3, 60)];

    [Theory]
    [InlineData(DType.Float32, 0.01, 0.3)]
    [InlineData(DType.Float16, 0.1, 0.3)]
    [InlineData(DType.BFloat16, 0.3, 0.6)]
    public void Run_TellsRoundingFromADamagedMerge(DType type, double size, double large)
    {
        foreach (string kind in new[] { "lora", "rslora", "two targets" })
            Assert.Null(Check(Make(size, kind: kind), Make(size, kind: kind), type).Fault);
        string right = Make(size);
        Assert.NotNull(Check(right, Make(size, scale: 2), type).Fault);
        Assert.NotNull(Check(right, Make(size, scale: 0), type).Fault);
        Assert.NotNull(Check(Make(large), Make(large, without: "layers.1.mlp.down_proj"), type).Fault);

        // Ten times of what rounding does would still pass: models of more layers round more often.
        var check = Check(right, right, type);
        Assert.True(10 * check.MaxDistance < check.Limit * check.LogitRange, check.ToString());
    }

    [Theory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("multimodal", false)]
    [InlineData("prequantized", false)]
    public void Merge_IsBasePlusAdapter(string name, bool fromNf4)
    {
        string output = Path.Combine(Fixtures.TemporaryFolder(), "merged");
        var options = new MergeOptions { DType = DType.Float32, FromNf4 = fromNf4 };
        var check = Merger.Merge(Fixtures.Path("tiny/" + name), Make(0.3, model: name), output, options);
        Assert.True(check.MaxDistance < 1e-4 * check.LogitRange, check.ToString());
        Assert.True(File.Exists(Path.Combine(output, "config.json")));
    }

    [Fact]
    public void Compare_FindsNumbersThatAreNotFinite()
    {
        Assert.Null(MergeCheck.Compare([1, 2, 3, 4], [1, 2, 3, 4], 2).Fault);
        Assert.Null(MergeCheck.Compare([0, 0], [0, 0], 2).Fault);
        Assert.Equal(5, MergeCheck.Compare([-5, 1], [-5, 1], 2).MaxLogit);
        Assert.Contains("not finite; choose", MergeCheck.Compare([1, 2, 3, 4], [1, 2, float.NaN, 4], 2).Fault, StringComparison.Ordinal);
        Assert.Contains("not finite; choose", MergeCheck.Compare([1, 2], [1, float.PositiveInfinity], 2).Fault, StringComparison.Ordinal);
        Assert.Contains("the base with the adapter", MergeCheck.Compare([1, float.NaN], [1, float.NaN], 2).Fault, StringComparison.Ordinal);
        Assert.Contains("50", MergeCheck.Compare([0, 0, 0, 0, 40, -40], [-1, 1, -1, 1, 40, -40], 2).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Merge_ThatIsWrong_IsNotPublished()
    {
        string output = Path.Combine(Fixtures.TemporaryFolder(), "merged");
        string adapter = Make(0.3);
        var options = new MergeOptions { DType = DType.Float32, Progress = new Told(Damage) };
        var error = Assert.Throws<LapidaryException>(() => Merger.Merge(Fixtures.Path("tiny/model"), adapter, output, options));
        Assert.Contains("nothing was written, because the merged model is not the", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));

        // Another adapter takes the place of the one that was merged.
        void Damage(long done, long all)
        {
            const string Name = "adapter_model.safetensors";
            if (done == all) File.Copy(Path.Combine(Make(0.3, scale: 0), Name), Path.Combine(adapter, Name), overwrite: true);
        }
    }

    private static MergeCheck Check(string expected, string found, DType type)
    {
        string folder = Fixtures.TemporaryFolder();
        var options = new MergeOptions { DType = type };
        using var backend = new CpuBackend(threads: 1);
        Merger.Merge(Fixtures.Path("tiny/model"), found, folder, options, backend);
        return MergeCheck.Run(Fixtures.Path("tiny/model"), expected, folder, Ids, options, backend);
    }

    private static string Make(double size, double scale = 1, string? without = null, string kind = "lora", string model = "model")
    {
        string folder = Fixtures.TemporaryFolder();
        var config = LoraConfig.Guide with { R = 4, ModulesToSave = null };
        if (kind == "rslora") config = config with { UseRslora = true };
        if (kind == "two targets") config = config with { TargetModules = ModuleSelector.FromNames("q_proj", "down_proj") };
        using var loaded = ModelRun.Load(model);
        using var adapter = Adapter.Create(loaded, config, seed: 3);
        var random = new Random(4);
        foreach (var parameter in adapter.Parameters)
        {
            double factor = !parameter.Name.Contains("lora_B", StringComparison.Ordinal) ? 1
                : without is not null && parameter.Name.Contains(without, StringComparison.Ordinal) ? 0 : scale;
            foreach (ref float value in parameter.Value.AsSpan<float>())
                value = (float)((value + (random.NextDouble() - 0.5) * size) * factor);
        }

        adapter.Save(folder, loaded);
        return folder;
    }
}
