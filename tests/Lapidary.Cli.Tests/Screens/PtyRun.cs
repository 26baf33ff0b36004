using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Cli.Tests.Screens;

/// <summary>The tool on a real pseudo terminal, which util-linux's script makes, and what a person sees there.</summary>
/// <param name="ExitCode">The tool's.</param> <param name="Raw">All that it wrote.</param> <param name="Columns">Of the terminal.</param>
internal sealed partial record PtyRun(int ExitCode, string Raw, int Columns)
{
    private const int Limit = 180_000;

    /// <summary>Skips where there is no such program.</summary>
    public static void RequireScript()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "script of util-linux makes the terminal");
        Assert.SkipUnless(
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "script"))),
            "script of util-linux is not installed");
    }

    /// <summary>Runs the tool.</summary>
    /// <param name="columns">Columns of the terminal.</param> <param name="variables">Variables of its environment, "NAME=VALUE".</param>
    /// <param name="args">The command line.</param>
    public static PtyRun Of(int columns, string[] variables, params string[] args) => Typing(columns, variables, [], exitCode: 0, args);

    /// <summary>Runs the tool for somebody who types.</summary>
    /// <param name="columns">Columns of the terminal.</param> <param name="variables">Variables of its environment, "NAME=VALUE".</param>
    /// <param name="typed">What is waited for in what the tool has written since the last one, and what is typed then.</param>
    /// <param name="exitCode">The code that is expected.</param> <param name="args">The command line.</param>
    public static PtyRun Typing(
        int columns, string[] variables, IReadOnlyList<(string Seen, string Typed)> typed, int exitCode, params string[] args)
    {
        string tool = Path.Combine(AppContext.BaseDirectory, "lapidary");
        string command = $"stty cols {columns} rows 24; exec env {string.Join(' ', variables)} "
            + string.Join(' ', args.Prepend(tool).Select(ShellText.Quote));
        var start = new ProcessStartInfo("script", ["-qfec", command, "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        start.Environment["TERM"] = "xterm-256color";
        start.Environment.Remove("NO_COLOR");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = Task.Run(() => Read(process, typed));
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail("The tool was still running, and was killed.");
        }

        Assert.True(process.ExitCode == exitCode, $"exit code {process.ExitCode}: {output.Result} {error.Result}");
        return new PtyRun(process.ExitCode, output.Result, columns);
    }

    private static string Read(Process process, IReadOnlyList<(string Seen, string Typed)> typed)
    {
        var all = new StringBuilder();
        char[] buffer = new char[4096];
        int next = 0, from = 0;
        while (process.StandardOutput.Read(buffer, 0, buffer.Length) is > 0 and var count)
        {
            all.Append(buffer, 0, count);
            while (next < typed.Count && all.ToString(from, all.Length - from) is var shown
                && shown.IndexOf(typed[next].Seen, StringComparison.Ordinal) is >= 0 and var at)
            {
                from += at + typed[next].Seen.Length;
                process.StandardInput.Write(typed[next++].Typed);
                process.StandardInput.Flush();
            }
        }

        return all.ToString();
    }

    /// <summary>The screen at the end.</summary>
    public TerminalModel Screen()
    {
        var model = new TerminalModel(Columns);
        model.Write(Raw);
        return model;
    }

    /// <summary>Fails where, at any moment, a part of the bar is on another row than the last one.</summary>
    public void AssertNoScrapsOfTheBar()
    {
        var model = new TerminalModel(Columns);
        foreach (string part in Regex.Split(Raw, "(?<=\n)"))
        {
            model.Write(part);
            var rows = model.Rows;
            for (int row = 0; row < rows.Count; row++)
                Assert.True(row == model.CursorRow || !HasBar(rows[row]), $"a scrap of the bar in row {row}: {rows[row]}");
        }

        Assert.DoesNotContain(model.Rows, HasBar);
    }

    /// <summary>The numbers of all colours and styles.</summary>
    public IReadOnlySet<string> Styles => Style().Matches(Raw).Select(match => match.Groups[1].Value).ToHashSet();

    private static bool HasBar(string row) => row.AsSpan().IndexOfAny('━', '─') >= 0;

    [GeneratedRegex("\e\\[([0-9;]*)m")]
    private static partial Regex Style();
}
