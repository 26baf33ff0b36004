using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Screens;
using Lapidary.Engine;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>A run on a screen: a status line under the lines of <see cref="TrainingLog"/>; without a screen, only the lines.</summary>
internal static class TrainingScreen
{
    /// <summary>Runs the training.</summary>
    /// <param name="run">The command.</param>
    /// <param name="memory">Whose bytes are shown.</param>
    /// <param name="train">Trains, with the given observer.</param>
    public static TrainerState Show(CommandRun run, Allocator memory, Func<ITrainingObserver, TrainerState> train)
    {
        var screen = run.Terminal.ScreenOf(run.IsJson);
        try
        {
            return train(Observer(screen, run.People, line => run.People.WriteLine(run.Line(line)), memory));
        }
        finally
        {
            screen?.Clear();
        }
    }

    /// <summary>Shows a run's lines, and its status line if there is a screen.</summary>
    /// <param name="screen">The screen, or null.</param>
    /// <param name="people">The stream on the screen.</param>
    /// <param name="write">Writes a line.</param>
    /// <param name="memory">Whose bytes are shown.</param>
    public static ITrainingObserver Observer(Screen? screen, TextWriter people, Action<string> write, Allocator memory) => screen is null
        ? new TrainingLog(write, memory, columns: null)
        : new ObserverGroup(new Bar(screen, people), new TrainingLog(write, memory, () => screen.Width));

    private sealed class Bar(Screen screen, TextWriter people) : ITrainingObserver
    {
        public void OnStart(TrainingPlan plan)
        {
            if (plan.TotalSteps > 0)
                screen.Show(people, (double)plan.FirstStep / plan.TotalSteps, $"step {plan.FirstStep}/{plan.TotalSteps}");
        }

        public void OnStep(TrainingProgress progress) => screen.Show(
            people, (double)progress.Step / progress.TotalSteps, $"step {progress.Step}/{progress.TotalSteps}",
            $"left {PlainText.Duration(progress.Remaining)}", $"loss {progress.Loss:F3}", $"{progress.TokensPerSecond:F0} tok/s",
            $"lr {progress.LearningRate:G2}");
    }
}
