using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Lapidary.Tests;

namespace Lapidary.Packages.Tests;

/// <summary>Each sample, built and run as samples/README.md says. One after the other: they build the same libraries.</summary>
public sealed partial class SampleTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>With random weights, few rows and few steps, as this build may be one for debugging.</summary>
    [Fact]
    public async Task TextToSql_TellsTheWholeStory()
    {
        string program = ReadMe.Text(GuideTests.Sample);
        foreach (var (old, now) in new[]
        {
            ("#:project ../src", "#:project " + Path.Combine(Fixtures.Repository, "src")), ("Gemlet.Write", "TinyGemma.Write"),
            ("Rows(3_000,", "Rows(350,"), ("Rows(100,", "Rows(20,"), ("NumTrainEpochs = 1,", "MaxSteps = 3,"),
            ("LoggingSteps = 10,", "LoggingSteps = 1,"),
        })
        {
            Assert.Contains(old, program, StringComparison.Ordinal);
            program = program.Replace(old, now, StringComparison.Ordinal);
        }

        string file = Path.Combine(_folder, "text-to-sql.cs");
        await File.WriteAllTextAsync(file, program, Token);
        string output = await DotNet.Run(["run", "--configuration", DotNet.Configuration, file], Token, _folder);

        Assert.Contains("350 rows to train on, 20 to test with", output, StringComparison.Ordinal);
        Assert.Contains("BOS per row 1, end of turn trained in", output, StringComparison.Ordinal);
        Assert.Contains("step    3: loss", output, StringComparison.Ordinal);
        Assert.Contains("evaluation loss", output, StringComparison.Ordinal);
        Assert.Contains("Merged into fine-tune-output/merged_model: over", output, StringComparison.Ordinal);
        Assert.Contains("Generated Answer:", output, StringComparison.Ordinal);
        Assert.Contains("Verdict: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheTrainingService_Trains_AndGoesOn()
    {
        string first = await DotNet.Run([.. Run("training-service.cs"), "--Folder", _folder, "--Steps", "10"], Token, _folder);
        Assert.Contains("Trained 10 steps", first, StringComparison.Ordinal);
        Assert.Contains("Checkpoint saved", first, StringComparison.Ordinal);

        string second = await DotNet.Run([.. Run("training-service.cs"), "--Folder", _folder, "--Steps", "12"], Token, _folder);
        Assert.Contains("Training from step 10 to 12", second, StringComparison.Ordinal);
        Assert.Contains("Trained 12 steps", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheWebApi_StreamsAnAnswer_AndIsHealthy()
    {
        using var process = DotNet.Start([.. Run("web-api.cs"), "--urls", "http://127.0.0.1:0"], _folder);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
            limit.CancelAfter(TimeSpan.FromMinutes(10));
            string address = await AddressOf(process, limit.Token);
            using var client = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromMinutes(2) };

            string answer = await client.GetStringAsync("/chat?question=How%20many%3F", limit.Token);

            Assert.True(Regex.Count(answer, "^data: ", RegexOptions.Multiline) > 1, answer);
            var health = await client.GetAsync("/health", limit.Token);
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
            Assert.Equal("Healthy", await health.Content.ReadAsStringAsync(limit.Token));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(Token);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string[] Run(string sample) =>
        ["run", "--configuration", DotNet.Configuration, Path.Combine(Fixtures.Repository, "samples", sample), "--"];

    private static async Task<string> AddressOf(Process process, CancellationToken cancellationToken)
    {
        var said = new List<string>();
        while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            said.Add(line);
            if (Listening().Match(line) is { Success: true } match)
            {
                // The rest must be read too, or the service would wait for a reader of its log.
                _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                _ = process.StandardError.ReadToEndAsync(CancellationToken.None);
                return match.Groups[1].Value;
            }
        }

        Assert.Fail(string.Join('\n', said) + await process.StandardError.ReadToEndAsync(cancellationToken));
        return "";
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
