using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Training;
using Spectre.Console;

namespace Lapidary.Cli.Runs;

/// <summary>A run on a screen: a progress bar under the lines of <see cref="TrainingLog"/>; without a screen only the lines.</summary>
internal static class TrainingScreen
{
    /// <summary>Runs the training.</summary>
    /// <param name="run">Where to show it.</param> <param name="memory">Whose bytes are shown.</param>
    /// <param name="train">Trains, telling the observer.</param>
    public static TrainerState Show(CommandRun run, Allocator memory, Func<ITrainingObserver, TrainerState> train)
    {
        var console = run.Terminal.Ansi(run.IsJson);
        if (!console.Profile.Capabilities.Interactive) return train(new TrainingLog(line => run.People.WriteLine(run.Line(line)), memory));
        var log = new TrainingLog(line => console.Write(new Text(run.Line(line) + "\n")), memory);
        return console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => train(new ObserverGroup(log, new Bar(context.AddTask("preparing")))));
    }

    private sealed class Bar(ProgressTask task) : ITrainingObserver
    {
        public void OnStart(TrainingPlan plan) => (task.MaxValue, task.Value) = (plan.TotalSteps, plan.FirstStep);

        public void OnStep(TrainingProgress progress)
        {
            task.Value = progress.Step;
            task.Description = Markup.Escape(
                $"step {progress.Step}/{progress.TotalSteps}  loss {progress.Loss:F3}  lr {progress.LearningRate:G2}  "
                + $"{progress.TokensPerSecond:F0} tok/s  left {PlainText.Duration(progress.Remaining)}");
        }
    }
}
