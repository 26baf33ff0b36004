using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lapidary.Gemma;

namespace Lapidary.Benchmarks;

/// <summary>Times the tokenizer as a user meets it: load, the first pass over a text (with JIT, cache empty), later passes (cache warm).
/// Run it in Release and pinned to one core: taskset -c 1 dotnet ... -- tokenizer FOLDER FILE.</summary>
internal static class TokenizerBenchmark
{
    private const int Passes = 8;

    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments.Length != 2)
        {
            Console.Error.WriteLine("usage: tokenizer FOLDER FILE   (a folder with tokenizer.json; a UTF-8 text, encoded line by line)");
            return 2;
        }

        string[] lines = File.ReadAllLines(arguments[1]);
        double megabytes = lines.Sum(line => (double)Encoding.UTF8.GetByteCount(line)) / 1e6;
        long start = Stopwatch.GetTimestamp();
        var tokenizer = Tokenizer.Load(arguments[0]);
        Print("load", Stopwatch.GetElapsedTime(start).TotalMilliseconds, "ms");
        long tokens = 0;
        for (int pass = 1; pass <= Passes; pass++)
        {
            start = Stopwatch.GetTimestamp();
            tokens = 0;
            foreach (string line in lines) tokens += tokenizer.Encode(line, addSpecialTokens: false).Length;
            if (pass is 1 or Passes) Print(pass == 1 ? "cold" : "steady", megabytes / Stopwatch.GetElapsedTime(start).TotalSeconds, "MB/s");
        }

        Print("text", megabytes, "MB");
        Print("tokens", tokens, "");
        Print("peak working set", Process.GetCurrentProcess().PeakWorkingSet64 / 1e6, "MB");
        return 0;
    }

    private static void Print(string name, double value, string unit) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-16} {value,10:0.##} {unit}"));
}
