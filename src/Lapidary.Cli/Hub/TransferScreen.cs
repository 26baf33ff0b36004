using System.Diagnostics;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;
using Spectre.Console;

namespace Lapidary.Cli.Hub;

/// <summary>A transfer on a screen: one bar for all of its files, with speed and time left, on standard error. It is gone when the transfer
/// ends. Where standard error is no screen nothing is shown.</summary>
internal static class TransferScreen
{
    /// <summary>Runs the transfer.</summary>
    public static T Show<T>(Terminal terminal, string name, Func<IProgress<TransferProgress>?, T> transfer)
    {
        var console = terminal.Ansi(json: true); // whose stream is standard error
        if (!console.Profile.Capabilities.Interactive) return transfer(null);
        return console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => transfer(new Bar(context.AddTask(Markup.Escape(name)), name)));
    }

    /// <summary>"google/gemma-3-1b-pt: 3 of 12 files, 1.2 of 2.0 GiB, 110.0 MiB/s, left 0:00:07".</summary>
    /// <param name="name">The repository.</param> <param name="progress">Where it stands.</param> <param name="bytesPerSecond">Of
    /// late.</param>
    public static string Describe(string name, TransferProgress progress, double bytesPerSecond)
    {
        string text = $"{name}: {progress.Files} of {progress.TotalFiles} files, {ByteSize.Format(progress.Bytes)} of "
            + ByteSize.Format(progress.TotalBytes);
        if (bytesPerSecond < 1) return text;
        var left = TimeSpan.FromSeconds(Math.Min((progress.TotalBytes - progress.Bytes) / bytesPerSecond, 1e8));
        return $"{text}, {ByteSize.Format((long)bytesPerSecond)}/s, left {PlainText.Duration(left)}";
    }

    private sealed class Bar(ProgressTask task, string name) : IProgress<TransferProgress>
    {
        private readonly Lock _lock = new();
        private readonly TransferSpeed _speed = new();

        public void Report(TransferProgress value)
        {
            lock (_lock)
            {
                double speed = _speed.At(Stopwatch.GetElapsedTime(0), value.TransferredBytes);
                (task.MaxValue, task.Value) = (Math.Max(1, value.TotalBytes), value.Bytes);
                task.Description = Markup.Escape(Describe(name, value, speed));
            }
        }
    }
}
