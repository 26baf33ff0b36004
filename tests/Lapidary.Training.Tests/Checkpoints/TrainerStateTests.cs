using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Checkpoints;

public sealed class TrainerStateTests : IDisposable
{
    /// <summary>The fields of transformers' TrainerState in versions 4.40 to 5, which takes no others.</summary>
    private static readonly string[] Known =
    [
        "epoch", "global_step", "max_steps", "logging_steps", "eval_steps", "save_steps", "train_batch_size", "num_train_epochs",
        "num_input_tokens_seen", "total_flos", "log_history", "best_metric", "best_model_checkpoint", "is_local_process_zero",
        "is_world_process_zero", "is_hyper_param_search", "trial_name", "trial_params",
    ];

    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Read_GivesWhatWasWritten_UnderTransformersKeysAlone()
    {
        var entry = new LogEntry { Step = 3, Loss = 1.5, NumTokens = 7 };
        new TrainerState
        {
            GlobalStep = 4,
            MaxSteps = 9,
            NumTokens = 12,
            BestMetric = 0.5,
            BestModelCheckpoint = "checkpoint-2",
            LogHistory = [entry],
        }.Write(_folder);

        var state = TrainerState.Read(_folder);

        Assert.Equal((4, 9, 12L, 0.5, "checkpoint-2"),
            (state.GlobalStep, state.MaxSteps, state.NumTokens, state.BestMetric, state.BestModelCheckpoint));
        Assert.Equal(entry, Assert.Single(state.LogHistory));
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, TrainerState.FileName)))!.AsObject();
        Assert.Empty(json.Select(pair => pair.Key).Except(Known));
    }

    /// <summary>Python's json writes numbers that are not finite, as transformers logs them after a loss diverged.</summary>
    [Fact]
    public void Read_TakesNumbersThatAreNotFinite()
    {
        Write("""
            {"best_metric": NaN, "global_step": 2, "max_steps": 2, "log_history": [{"loss": NaN, "grad_norm": -Infinity, "step": 1}]}
            """);
        var state = TrainerState.Read(_folder);
        Assert.Null(state.BestMetric);
        Assert.Equal(new LogEntry { Step = 1, Loss = double.NaN, GradNorm = double.NegativeInfinity }, Assert.Single(state.LogHistory));
    }

    [Fact]
    public void Read_TakesTransformersOwnFile_AndPassesOverKeysItDoesNotKnow()
    {
        Write("""
            {"best_global_step": 2, "epoch": 2.0, "global_step": 4, "max_steps": 8, "num_input_tokens_seen": 0, "total_flos": 1e12,
             "log_history": [{"epoch": 1.0, "eval_loss": 2.5, "eval_runtime": 0.1, "step": 2}], "stateful_callbacks": {}}
            """);

        var state = TrainerState.Read(_folder);

        Assert.Equal(4, state.GlobalStep);
        Assert.Equal(2.5, Assert.Single(state.LogHistory).EvalLoss);
    }

    [Theory]
    [InlineData("""{"global_step": -1, "max_steps": 8}""", "global_step", "-1")]
    [InlineData("""{"global_step": null, "max_steps": 8}""", "global_step", "nothing")]
    [InlineData("""{"global_step": "4", "max_steps": 8}""", "global_step", "\"4\"")]
    [InlineData("""{"global_step": 9, "max_steps": 8}""", "global_step", "9")]
    [InlineData("""{"global_step": 1e99, "max_steps": 8}""", "global_step", "1e99")]
    [InlineData("""{"max_steps": 8}""", "global_step", "nothing")]
    [InlineData("""{"global_step": 4}""", "max_steps", "nothing")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "log_history": {}}""", "log_history", "{}")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "log_history": [null]}""", "log_history", "[null]")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "log_history": [{"step": "a"}]}""", "log_history", "step")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "num_input_tokens_seen": -3}""", "num_input_tokens_seen", "-3")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "epoch": "x"}""", "epoch", "\"x\"")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "epoch": -0.5}""", "epoch", "-0.5")]
    [InlineData("""{"global_step": 4, "max_steps": 8, "best_model_checkpoint": 3}""", "best_model_checkpoint", "3")]
    [InlineData("null", "trainer_state.json", "")]
    [InlineData("[", "trainer_state.json", "")]
    public void Read_NamesTheKey_OfWhatIsNoState(string text, string key, string found)
    {
        Write(text);

        var error = Assert.Throws<LapidaryException>(() => TrainerState.Read(_folder));

        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Read_TakesTheTokensOf01()
    {
        Write("""{"global_step": 4, "max_steps": 8, "num_tokens": 77}""");
        Assert.Equal(77, TrainerState.Read(_folder).NumTokens);
        Write("""{"global_step": 4, "max_steps": 8}""");
        Assert.Equal(0, TrainerState.Read(_folder).NumTokens);
    }

    private void Write(string text) => File.WriteAllText(Path.Combine(_folder, TrainerState.FileName), text);
}
