using System.Diagnostics;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Reports;

/// <summary>The page in the browser that people have: tests/clients/report/check.mjs says what is checked.</summary>
public sealed class BrowserTests : IDisposable
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    private readonly RunFolders _folders = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folders.Dispose();

    [Fact]
    public async Task Chromium_DrawsTheCharts_AndKeysReachEverything()
    {
        string client = Path.Combine(Fixtures.Repository, "tests", "clients", "report");
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(client, "node_modules", "playwright-core")), "npm's playwright-core is not installed here.");
        string? browser = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        Assert.SkipWhen(browser is null, "Chromium is not installed here.");
        RunFolders.WriteState(_folders["theirs"], steps: 40, shift: 2, notANumberAt: 7);
        string file = _folders["report.html"];
        TrainingReport.Read([
            _folders.Finished("a/run"), _folders.Finished("b/run", shift: 1, settings: new() { ["lora_r"] = 32 }), _folders["theirs"],
            _folders.Finished("<img src=x onerror=alert(1)>", shift: 3, answer: "</pre></main><script>alert(2)</script>"),
        ]).Write(file);

        var start = new ProcessStartInfo("node", ["check.mjs", browser!, file])
        {
            WorkingDirectory = client,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Token), process.StandardError.ReadToEndAsync(Token));
        await process.WaitForExitAsync(Token);
        Assert.True(process.ExitCode == 0, await output + await error);
        Assert.EndsWith("done\n", await output, StringComparison.Ordinal);
    }
}
