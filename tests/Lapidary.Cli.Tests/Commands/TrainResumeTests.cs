using System.Text.Json.Nodes;

namespace Lapidary.Cli.Tests.Commands;

/// <summary>Runs that end early and go on.</summary>
public sealed class TrainResumeTests : TrainRuns
{
    [Fact]
    public void Train_InterruptedAndResumed_GivesTheBytesOfAnUninterruptedRun()
    {
        string[] more = ["--num-train-epochs", "2", "--gradient-accumulation-steps", "1", "--lora-dropout", "0.1"];
        CliRun.Of([.. Args("whole", rows: 3), .. more]).Ok();

        string[] saving = ["--save-strategy", "steps", "--save-steps", "2"];
        var half = CliRun.InterruptedAt("checkpoint-2", [.. Args("half", rows: 3), .. more, .. saving]);
        Assert.True(half.ExitCode == 130, half.Error);
        Assert.Contains("--resume", half.Error, StringComparison.Ordinal);
        Assert.Contains("go on with: lapidary train", half.Error, StringComparison.Ordinal);

        CliRun.Of("train", "--config", Path.Combine(_folder["half"], "run.yaml"), "--resume").Ok();
        Assert.Equal(Adapter("whole"), Adapter("half"));
        Assert.Equal(State("whole").LogHistory.Select(entry => entry.Loss), State("half").LogHistory.Select(entry => entry.Loss));
    }

    [Fact]
    public void Train_KilledAndResumed_GivesTheBytesOfAnUninterruptedRun()
    {
        string[] more = ["--num-train-epochs", "2", "--gradient-accumulation-steps", "1"];
        string[] args = [.. Args("killed", rows: 4), .. more, "--save-strategy", "steps", "--save-steps", "1"];
        using (var tool = Tool.Start(args))
        {
            tool.WaitFor(() => Directory.Exists(Path.Combine(_folder["killed"], "checkpoint-2")));
            tool.Kill();
        }

        CliRun.Of([.. args, "--resume"]).Ok();
        CliRun.Of([.. Args("whole", rows: 4), .. more, "--save-strategy", "no"]).Ok();
        Assert.Equal(Adapter("whole"), Adapter("killed"));
    }

    /// <summary>Who starts a run again whenever it ends early gives the same words each time.</summary>
    [Fact]
    public void Train_StartedAgainWithResumeAuto_GoesOnWhereThereIsACheckpoint()
    {
        string[] more = ["--num-train-epochs", "2", "--gradient-accumulation-steps", "1"];
        string[] args = [.. Args("again", rows: 3), .. more, "--save-strategy", "steps", "--save-steps", "2", "--resume", "auto"];
        Assert.Equal(130, CliRun.InterruptedAt("checkpoint-2", args).ExitCode);
        Assert.Contains("\"global_step\":6", CliRun.Of([.. args, "--json"]).Ok().Out, StringComparison.Ordinal);
        CliRun.Of(args).Ok(); // there is nothing left to do

        CliRun.Of([.. Args("whole", rows: 3), .. more]).Ok();
        Assert.Equal(Adapter("whole"), Adapter("again"));
    }

    /// <summary>Ctrl-C is INT; TERM is what a system sends that wants its machine back.</summary>
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void Train_OnASignal_SavesAndEndsWith130(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no kill.");
        Assert.SkipWhen(signal == "INT" && Tool.InheritsIgnoredInterrupts, "SIGINT is ignored here, as in a shell's background job.");
        string[] saving = ["--save-strategy", "steps", "--save-steps", "1", "--save-total-limit", "2"];
        using var tool = Tool.Start([.. Args("out"), "--max-steps", "100000", .. saving, "--json"]);
        tool.WaitFor(() => Directory.Exists(_folder["out"]) && Directory.GetDirectories(_folder["out"], "checkpoint-*").Length > 1);
        tool.Send(signal);
        var run = tool.End();
        Assert.Equal(130, run.ExitCode);
        Assert.True(run.Json.GetProperty("interrupted").GetBoolean());
        int step = run.Json.GetProperty("global_step").GetInt32();
        Assert.Contains($"interrupted after step {step}; go on with", run.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder["out"], $"checkpoint-{step}", "trainer_state.json")));
    }

    [Fact]
    public void Train_InterruptedBeforeItHasSaved_HintsAtNoResume()
    {
        var run = CliRun.InterruptedAt("steps ", [.. Args("out", rows: 2), "--max-steps", "2"]);
        Assert.Equal(130, run.ExitCode);
        Assert.Contains("nothing has been saved yet", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--resume", run.Error, StringComparison.Ordinal);
    }

    /// <summary>A run's folder has its settings; who gives the folder alone is told of them.</summary>
    [Fact]
    public void Train_OnInARunsFolder_NamesItsSettings()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok();
        string file = Path.Combine(_folder["out"], "run.yaml"), checkpoint = Path.Combine(_folder["out"], "checkpoint-1");
        CliRun.Of("train", "--output-dir", _folder["out"], "--resume").AssertError(
            2, "--model (or --adapter) and --dataset are missing", $"--config {file} --resume");
        CliRun.Of("train", "--resume", checkpoint).AssertError(2, $"--config {file} --resume {checkpoint}");
        CliRun.Of("train", "--config", _folder["out"], "--resume").AssertError(1, "found a run's folder", $"give {file}");
    }

    [Fact]
    public void Train_InAFolderThatWasMoved_GoesOnThere()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1", "--lora-r", "4"]).Ok();
        Directory.Move(_folder["out"], _folder["moved"]);

        CliRun.Of("train", "--config", Path.Combine(_folder["moved"], "run.yaml"), "--resume", "--max-steps", "2").Ok();

        Assert.Equal(2, State("moved").GlobalStep);
        Assert.False(Directory.Exists(_folder["out"]));
        Assert.Contains($"run_folder: {_folder["moved"]}", File.ReadAllLines(Path.Combine(_folder["moved"], "run.yaml")));
    }

    /// <summary>0.1 wrote no version, and paths as they were typed.</summary>
    [Fact]
    public void Train_InAFolderOf01ThatWasMoved_GoesOnThere()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok();
        Directory.Move(_folder["out"], _folder["moved"]);
        string path = Path.Combine(_folder["moved"], "run.yaml");
        string[] newer = ["#", "run_file_version", "run_folder", "report_to", "output_dir"];
        var lines = File.ReadAllLines(path).Where(line => !newer.Any(start => line.StartsWith(start, StringComparison.Ordinal)))
            .Select(line => line.Replace("../../", Path.GetDirectoryName(_folder.Path) + "/", StringComparison.Ordinal)
                .Replace("../", _folder.Path + "/", StringComparison.Ordinal));
        File.WriteAllLines(path, ["# Run again with: lapidary train --config FILE", "output_dir: out", .. lines]);

        CliRun.Of("train", "--config", path, "--resume", "--max-steps", "2").Ok();

        Assert.Equal(2, State("moved").GlobalStep);
        Assert.False(Directory.Exists("out"));
    }

    [Fact]
    public void Train_OnFromACheckpoint_SaysWhatOnlyANewRunHeeds()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok();
        string[] args = [.. Args("out", rows: 2), "--max-steps", "2", "--resume", "--overwrite-output-dir"];

        string said = CliRun.Of([.. args, "--adapter", _folder["out"]]).Ok().Out;

        Assert.Contains("--adapter is where a new run starts", said, StringComparison.Ordinal);
        Assert.Contains("beside --resume nothing is overwritten", said, StringComparison.Ordinal);
        Assert.Equal(2, State("out").GlobalStep);
    }

    /// <summary>A run in float16 that ends on a CPU, which scales nothing and keeps what was counted.</summary>
    [Theory]
    [InlineData(0, "no step was run again")]
    [InlineData(1, "1 step was run again")]
    [InlineData(3, "3 steps were run again")]
    public void Train_OfALossThatWasScaled_SaysHowOftenAStepWasRunAgain(int repeated, string words)
    {
        string plain = CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok().Out;
        Assert.DoesNotContain("loss scale", plain, StringComparison.Ordinal);
        string path = Path.Combine(_folder["out"], "checkpoint-1", "lapidary_state.json");
        var state = JsonNode.Parse(File.ReadAllText(path))!;
        state["loss_scale"] = new JsonObject { ["exponent"] = 6, ["clean_steps"] = 0, ["repeated_steps"] = repeated };
        File.WriteAllText(path, state.ToJsonString());

        string[] resume = ["train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--resume", "--max-steps"];
        string said = CliRun.Of([.. resume, "2"]).Ok().Out;
        var json = CliRun.Of([.. resume, "3", "--json"]).Ok().Json;

        Assert.Contains($"loss scale 2^6 at the end; {words}", said, StringComparison.Ordinal);
        Assert.Equal(6, json.GetProperty("loss_scale_exponent").GetInt32());
        Assert.Equal(repeated, json.GetProperty("repeated_steps").GetInt32());
    }
}
