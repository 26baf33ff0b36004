using Lapidary.Tests;

namespace Lapidary.Training.Tests.Reports;

/// <summary>The page in the browser that people have: tests/clients/browser/report.mjs says what is checked.</summary>
public sealed class BrowserTests : IDisposable
{
    private readonly RunFolders _folders = new();

    public void Dispose() => _folders.Dispose();

    [Fact]
    public async Task Chromium_DrawsTheCharts_AndKeysReachEverything()
    {
        RunFolders.WriteState(_folders["theirs"], steps: 40, shift: 2, notANumberAt: 7);
        string file = _folders["report.html"];
        TrainingReport.Read([
            _folders.Finished("a/run"), _folders.Finished("b/run", shift: 1, settings: new() { ["lora_r"] = 32 }), _folders["theirs"],
            _folders.Finished("<img src=x onerror=alert(1)>", shift: 3, answer: "</pre></main><script>alert(2)</script>"),
        ]).Write(file);
        await BrowserCheck.Run("report.mjs", file);
    }
}
