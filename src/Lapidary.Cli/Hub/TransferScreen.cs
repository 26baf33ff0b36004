using System.Diagnostics;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;
using Spectre.Console;

namespace Lapidary.Cli.Hub;

/// <summary>A transfer on a screen: one line for all of its files, with a bar, speed and time left as far as there is room, on standard
/// error. It is gone when the transfer ends. Where standard error is no screen nothing is shown.</summary>
internal static class TransferScreen
{
    private const int BarWidth = 20, LeastBarWidth = 6;

    /// <summary>"100%", and the spaces between the columns.</summary>
    private const int PercentWidth = 4, Gap = 1;

    /// <summary>Runs the transfer.</summary>
    public static T Show<T>(Terminal terminal, string name, Func<IProgress<TransferProgress>?, T> transfer)
    {
        var console = terminal.Ansi(json: true); // whose stream is standard error
        if (!console.Profile.Capabilities.Interactive) return transfer(null);
        int width = console.Profile.Width;
        int bar = Math.Min(BarWidth, width / 10);
        int text = width - PercentWidth - (2 * Gap) - 1; // the last column stays free: some screens break the line there
        List<ProgressColumn> columns = [new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }];
        if (bar >= LeastBarWidth)
        {
            columns.Insert(0, new ProgressBarColumn { Width = bar });
            text -= bar + Gap;
        }

        return console.Progress()
            .AutoClear(true)
            .Columns([.. columns])
            .Start(context => transfer(new Bar(context.AddTask(Markup.Escape(Fitting([name, ""], text))), name, text)));
    }

    /// <summary>"google/gemma-3-1b-pt: 3 of 12 files, 1.2 GiB of 2.0 GiB, 110.0 MiB/s, left 0:00:07", or as much of it as there is room
    /// for.</summary>
    /// <param name="name">The repository.</param> <param name="progress">Where it stands.</param> <param name="bytesPerSecond">Of
    /// late.</param> <param name="width">Characters there is room for.</param>
    public static string Describe(string name, TransferProgress progress, double bytesPerSecond, int width)
    {
        string files = $"{progress.Files} of {progress.TotalFiles} files";
        string bytes = $"{ByteSize.Format(progress.Bytes)} of {ByteSize.Format(progress.TotalBytes)}";
        if (bytesPerSecond < 1) return Fitting([$"{name}: {files}, {bytes}", $"{files}, {bytes}", bytes, ""], width);
        string speed = $"{ByteSize.Format((long)bytesPerSecond)}/s";
        var time = TimeSpan.FromSeconds(Math.Min((progress.TotalBytes - progress.Bytes) / bytesPerSecond, 1e8));
        string left = $"left {PlainText.Duration(time)}";
        return Fitting(
            [
                $"{name}: {files}, {bytes}, {speed}, {left}", $"{name}: {bytes}, {speed}, {left}", $"{bytes}, {speed}, {left}",
                $"{speed}, {left}", left, "",
            ],
            width);
    }

    /// <summary>The first text that fits: a line that is broken leaves scraps behind.</summary>
    private static string Fitting(string[] texts, int width) => texts.FirstOrDefault(text => text.Length <= width) ?? "";

    private sealed class Bar(ProgressTask task, string name, int width) : IProgress<TransferProgress>
    {
        private readonly Lock _lock = new();
        private readonly TransferSpeed _speed = new();

        public void Report(TransferProgress value)
        {
            lock (_lock)
            {
                double speed = _speed.At(Stopwatch.GetElapsedTime(0), value.TransferredBytes);
                (task.MaxValue, task.Value) = (Math.Max(1, value.TotalBytes), value.Bytes);
                task.Description = Markup.Escape(Describe(name, value, speed, width));
            }
        }
    }
}
