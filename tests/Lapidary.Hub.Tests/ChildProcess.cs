using System.Diagnostics;

namespace Lapidary.Hub.Tests;

/// <summary>Another process that downloads into the same cache: this program, with the one test that does so.</summary>
internal static class ChildProcess
{
    public const string Variable = "LAPIDARY_TEST_CHILD";

    public static Process Start(HubOptions options)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { "--filter-method", $"*{nameof(ResumeTests)}.{nameof(ResumeTests.Child)}", "--explicit", "only", "--no-ansi" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[Variable] = $"{options.Endpoint.AbsoluteUri}|{options.CacheFolder}";
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
