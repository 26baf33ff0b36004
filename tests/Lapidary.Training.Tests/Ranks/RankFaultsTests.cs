using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Ranks;

/// <summary>Ranks that do not fit together, and one that fails.</summary>
public sealed class RankFaultsTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public static TheoryData<string, Func<SftConfig, SftConfig>> OtherOptions => new()
    {
        { "rank 1 has learning_rate 0.0001, rank 0 0.001", config => config with { LearningRate = 1e-4 } },
        { "rank 1 has max_steps 3, rank 0 2", config => config with { MaxSteps = 3 } },
        { "rank 1 has save_steps 7, rank 0 500", config => config with { SaveSteps = 7 } },
        {
            "rank 1 has gradient_checkpointing true, rank 0 auto",
            config => config with { GradientCheckpointing = GradientCheckpointing.True }
        },
        { "global_batch_size 6, rank 0 3", config => config with { PerDeviceTrainBatchSize = 2 } },
    };

    [Theory]
    [MemberData(nameof(OtherOptions), DisableDiscoveryEnumeration = true)]
    public void AnotherOption_IsNamedWithBothValues(string words, Func<SftConfig, SftConfig> change)
    {
        var runs = new RankRuns(Config, TrainerRun.RandomRows(8)) { ConfigOf = (rank, config) => rank == 1 ? change(config) : config };
        AssertRefused(runs, words);
    }

    [Fact]
    public void OtherDataOrWeights_NameTheRank()
    {
        var runs = new RankRuns(Config, TrainerRun.RandomRows(8));
        AssertRefused(
            runs with { RowsOf = (rank, rows) => rank == 2 ? TrainerRun.RandomRows(9) : rows },
            "rank 2 has other data (rows, tokens or labels)");
        string other = OtherWeights();
        AssertRefused(runs with { FolderOf = rank => rank == 1 ? other : null }, "rank 1 has other weights of the base");
        string[] differ = ["rank 1 has other weights of the base", "So 2 ranks differ from rank 0"];
        AssertRefused(runs with { FolderOf = rank => rank > 0 ? other : null }, differ);
    }

    [Fact]
    public void OtherOutputFolders_MayBe()
    {
        new RankRuns(Config, TrainerRun.RandomRows(8))
        {
            ConfigOf = (rank, config) => rank == 0 ? config : config with { OutputDir = Path.Combine(_root, $"out{rank}") },
        }.Run(3);
        Assert.True(File.Exists(Path.Combine(_root, "out", "adapter_model.safetensors")));
        Assert.False(Directory.Exists(Path.Combine(_root, "out1")));
    }

    [Fact]
    public void AFailingSave_EndsAll_AndLeavesTheCheckpointsBefore()
    {
        var config = Config with { MaxSteps = 4, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 1 };
        var runs = new RankRuns(config, TrainerRun.RandomRows(20))
        {
            Lora = LoraConfig.Guide with { R = 4, LoraDropout = 0.1, ModulesToSave = ["embed_tokens"] },
            ObserverOf = (rank, _) => rank == 0 ? new Spoiler(config.OutputDir) : null,
        };
        var error = Assert.Throws<LapidaryException>(() => runs.Run(2));
        Assert.Contains("checkpoint-2: the checkpoint cannot be written", error.Message, StringComparison.Ordinal);
        Assert.Equal("rank 0: gone", Assert.IsType<LapidaryException>(runs.Errors[1]).Message);
        Assert.Equal(
            ["checkpoint-1"], Directory.GetDirectories(config.OutputDir, "checkpoint-?").Select(Path.GetFileName));
    }

    /// <summary>The loss is finite, because B is zero, and B's gradient overflows. Tables were on their way when this was found.</summary>
    [Fact]
    public void AGradientThatIsNotFinite_LeavesAllWeightsOnAllRanks()
    {
        var runs = new RankRuns(Config, TrainerRun.RandomRows(8))
        {
            Lora = Whole with { LoraAlpha = 1e9 },
            Change = weights =>
            {
                foreach (var a in ((Adapter)weights).Parameters.Where(of => of.Name.Contains("lora_A", StringComparison.Ordinal)))
                    a.Value.AsSpan<float>().Fill(1e34f);
            },
        };
        float[] Left(int worldSize)
        {
            var error = Assert.Throws<LapidaryException>(() => runs.Run(worldSize));
            Assert.Contains("The weights are those of the step before", error.Message, StringComparison.Ordinal);
            Assert.All(runs.Left, left => Assert.Equal(runs.Left[0], left));
            return runs.Left[0]!;
        }

        Assert.Equal(Left(1), Left(2));
    }

    /// <summary>Without a checkpoint after the step, its tables are on their way when the observer ends the run.</summary>
    [Fact]
    public void AnEndAtOnce_LeavesTheStepsWeightsOnAllRanks()
    {
        float[] Left(IntervalStrategy saves)
        {
            var config = Config with { OutputDir = Path.Combine(_root, $"{saves}"), SaveStrategy = saves, SaveSteps = 1 };
            var runs = new RankRuns(config, TrainerRun.RandomRows(8)) { Lora = Whole, ObserverOf = (_, _) => new Ender() };
            Assert.Throws<OperationCanceledException>(() => runs.Run(2));
            Assert.Equal(runs.Left[0], runs.Left[1]);
            return runs.Left[0]!;
        }

        Assert.Equal(Left(IntervalStrategy.Steps), Left(IntervalStrategy.No));
    }

    [Fact]
    public void RunFile_HasTheGlobalBatch_SoThatItResumesOnAnyNumberOfRanks()
    {
        var config = Config with { GradientAccumulationSteps = 2 };
        new RankRuns(config, TrainerRun.RandomRows(8)).Run(3);
        string file = File.ReadAllText(Path.Combine(_root, "out", "run.yaml"));
        Assert.Contains("global_batch_size: 6\n", file, StringComparison.Ordinal);
        Assert.DoesNotContain("gradient_accumulation_steps", file, StringComparison.Ordinal);

        new RankRuns(config with { OutputDir = Path.Combine(_root, "alone") }, TrainerRun.RandomRows(8)).Run(1);
        file = File.ReadAllText(Path.Combine(_root, "alone", "run.yaml"));
        Assert.Contains("gradient_accumulation_steps: 2\n", file, StringComparison.Ordinal);
        Assert.DoesNotContain("global_batch_size", file, StringComparison.Ordinal);
    }

    [Fact]
    public void ACheckpointOfOldForm_HasTheProductOfBatchAndAccumulation()
    {
        var config = Config with { GlobalBatchSize = 4, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 1 };
        var runs = new RankRuns(config, TrainerRun.RandomRows(12));
        runs.Run(1);
        string path = Path.Combine(_root, "out", "checkpoint-2", "lapidary_state.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json.Remove("world_size");
        var identity = json["identity"]!.AsObject();
        Assert.Equal("4", (string?)identity["global_batch_size"]);
        identity.Remove("global_batch_size");
        identity.Remove("world_size");
        (identity["per_device_train_batch_size"], identity["gradient_accumulation_steps"]) = ("1", "4");
        File.WriteAllText(path, json.ToJsonString());

        var resumed = (runs with { Config = config with { MaxSteps = 3 }, Resume = SftTrainer.LatestCheckpoint }).Run(2);
        Assert.Equal(3, resumed[1].State.GlobalStep);
        AssertRefused(
            runs with { Config = config with { GlobalBatchSize = 8, MaxSteps = 4 }, Resume = Path.GetDirectoryName(path) },
            "global_batch_size is 8 here, 4 in the checkpoint", worldSize: 2);
    }

    private static LoraConfig Whole =>
        LoraConfig.Guide with { R = 4, LoraDropout = 0, ModulesToSave = ["lm_head", "embed_tokens"] };

    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = Path.Combine(_root, "out"),
        ReportTo = ReportTo.None,
        MaxSteps = 2,
    };

    private static void AssertRefused(RankRuns runs, string words, int worldSize = 3) => AssertRefused(runs, [words], worldSize);

    private static void AssertRefused(RankRuns runs, string[] words, int worldSize = 3)
    {
        var error = Assert.Throws<LapidaryException>(() => runs.Run(worldSize));
        Assert.All(words, some => Assert.Contains(some, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
    }

    private string OtherWeights()
    {
        string folder = Path.Combine(_root, "other");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Fixtures.Path("tiny/model")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^3] ^= 1;
        File.WriteAllBytes(path, bytes);
        return folder;
    }

    private sealed class Ender : ITrainingObserver
    {
        public void OnStep(TrainingProgress progress) => throw new OperationCanceledException();
    }

    /// <summary>Puts a file where the second checkpoint is to be.</summary>
    private sealed class Spoiler(string folder) : ITrainingObserver
    {
        public void OnCheckpoint(string saved) => File.WriteAllText(Path.Combine(folder, "checkpoint-2"), "");
    }
}
