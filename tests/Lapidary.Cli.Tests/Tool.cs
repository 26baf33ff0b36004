using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Lapidary.Cli.Tests;

/// <summary>The tool as a process of its own. It does not outlive its test, and no test waits for it for ever.</summary>
internal sealed class Tool : IDisposable
{
    private const int SigInt = 2;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly StringBuilder _printed = new();
    private readonly Task<string> _out;
    private readonly Task<string> _error;

    private Tool(Process process)
    {
        _process = process;
        _out = ReadAsync(process.StandardOutput);
        _error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Whether this process ignores SIGINT, and so the processes that it starts: they do not end when it is sent, and .NET tells
    /// them nothing of it. A shell starts its background jobs so.</summary>
    public static bool InheritsIgnoredInterrupts
    {
        get
        {
            const string Status = "/proc/self/status", Ignored = "SigIgn:";
            if (!File.Exists(Status)) return false;
            string mask = File.ReadLines(Status).First(line => line.StartsWith(Ignored, StringComparison.Ordinal))[Ignored.Length..];
            return (Convert.ToUInt64(mask.Trim(), 16) & 1UL << (SigInt - 1)) != 0;
        }
    }

    /// <summary>Starts the tool's own program, which lies beside the test, on the test's .NET, wherever that is.</summary>
    public static Tool Start(params string[] args) => StartWith([], args);

    /// <summary>As <see cref="Start"/>, with variables of its environment.</summary>
    public static Tool StartWith((string Name, string Value)[] variables, params string[] args)
    {
        string name = typeof(LapidaryTool).Assembly.GetName().Name! + (OperatingSystem.IsWindows() ? ".exe" : "");
        return Run(Path.Combine(AppContext.BaseDirectory, name), args, variables);
    }

    /// <summary>Starts the tool in a shell that has closed or redirected its streams: ">&amp;- 2>/dev/full".</summary>
    public static Tool StartInShell(string redirection, params string[] args) =>
        Run("sh", ["-c", $"exec \"$0\" \"$@\" {redirection}", Path.Combine(AppContext.BaseDirectory, "lapidary"), .. args], []);

    private static Tool Run(string program, string[] args, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(program, args)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        foreach (var variable in variables) start.Environment[variable.Name] = variable.Value;
        return new(Process.Start(start)!);
    }

    /// <summary>What it has printed so far.</summary>
    public string Printed
    {
        get
        {
            lock (_printed) return _printed.ToString();
        }
    }

    /// <summary>How long it has computed.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Waits until something has happened; fails where the process ends before.</summary>
    public void WaitFor(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (_process.HasExited) Assert.Fail($"The tool has ended before what the test waits for. Its errors: {_error.Result}");
            Assert.True(watch.Elapsed < Limit, $"What the test waits for has not happened in {Limit.TotalSeconds} seconds.");
            Thread.Sleep(2);
        }
    }

    /// <summary>Ends it at once, as the system does where memory is short.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Sends a signal, such as INT.</summary>
    public void Send(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits for its end; kills it and fails where it takes too long.</summary>
    public CliRun End()
    {
        if (!_process.WaitForExit(Limit))
        {
            Kill();
            Assert.Fail($"The tool was still running after {Limit.TotalSeconds} seconds, and was killed. Its errors: {_error.Result}");
        }

        return new CliRun(_process.ExitCode, _out.Result, _error.Result);
    }

    private async Task<string> ReadAsync(StreamReader reader)
    {
        char[] buffer = new char[1024];
        for (int count; (count = await reader.ReadAsync(buffer)) > 0;)
        {
            lock (_printed) _printed.Append(buffer, 0, count);
        }

        return Printed;
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }
}
