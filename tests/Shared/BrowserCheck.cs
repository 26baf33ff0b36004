using System.Diagnostics;

namespace Lapidary.Tests;

/// <summary>A page in the browser that people have: Chromium, driven by npm's playwright-core. What is absent is a skip with its
/// reason.</summary>
internal static class BrowserCheck
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    /// <summary>Runs a script of tests/clients/browser, which ends with "done" if all is as it says.</summary>
    /// <param name="script">Its name.</param> <param name="arguments">After the browser's path.</param>
    public static async Task Run(string script, params string[] arguments)
    {
        var token = TestContext.Current.CancellationToken;
        string client = Path.Combine(Fixtures.Repository, "tests", "clients", "browser");
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(client, "node_modules", "playwright-core")), "npm's playwright-core is not installed here.");
        string? browser = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        Assert.SkipWhen(browser is null, "Chromium is not installed here.");
        var start = new ProcessStartInfo("node", [script, browser!, .. arguments])
        {
            WorkingDirectory = client,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(token), process.StandardError.ReadToEndAsync(token));
            await process.WaitForExitAsync(token);
            Assert.True(process.ExitCode == 0, await output + await error);
            Assert.EndsWith("done\n", await output, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
