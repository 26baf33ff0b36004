using System.Diagnostics;
using Lapidary.Cli.Output;
using Lapidary.Cli.Screens;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>A transfer on a screen: one bar for all of its files, with speed and time left, on standard error. It disappears when the
/// transfer ends. If standard error is not a screen, nothing is shown.</summary>
internal static class TransferScreen
{
    /// <summary>Runs the transfer.</summary>
    public static T Show<T>(Terminal terminal, string name, Func<IProgress<TransferProgress>?, T> transfer)
    {
        if (terminal.ScreenOf(json: true) is not { HasCodes: true } screen) return transfer(null);
        try
        {
            return transfer(new Bar(screen, terminal.Error, name));
        }
        finally
        {
            screen.Clear();
        }
    }

    /// <summary>"1.2 GiB of 2.0 GiB", "left 0:00:07", "110.0 MiB/s", "3 of 12 files", "google/gemma-3-1b-pt": the most important
    /// first.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="progress">The state of the transfer.</param>
    /// <param name="bytesPerSecond">The recent speed.</param>
    public static IReadOnlyList<string> Describe(string name, TransferProgress progress, double bytesPerSecond)
    {
        string files = $"{progress.Files} of {Amount.Of(progress.TotalFiles, "file")}";
        string bytes = $"{ByteSize.Format(progress.Bytes)} of {ByteSize.Format(progress.TotalBytes)}";
        if (bytesPerSecond < 1) return [bytes, files, name];
        var left = TimeSpan.FromSeconds(Math.Min((progress.TotalBytes - progress.Bytes) / bytesPerSecond, 1e8));
        return [bytes, $"left {PlainText.Duration(left)}", $"{ByteSize.Format((long)bytesPerSecond)}/s", files, name];
    }

    private sealed class Bar(Screen screen, TextWriter writer, string name) : IProgress<TransferProgress>
    {
        private readonly Lock _lock = new();
        private readonly TransferSpeed _speed = new();

        public void Report(TransferProgress value)
        {
            lock (_lock)
            {
                double speed = _speed.At(Stopwatch.GetElapsedTime(0), value.TransferredBytes);
                screen.Show(writer, (double)value.Bytes / Math.Max(1, value.TotalBytes), Describe(name, value, speed));
            }
        }
    }
}
