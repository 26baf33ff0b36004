namespace Lapidary.Cli.Tests.Commands;

public sealed class ReportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Train(string output, params string[] more)
    {
        CliRun.Of([
            "train", "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(6)),
            "--output-dir", _folder[output], "--threads", "1", "--packing", "false", "--max-length", "16", "--target-modules",
            "q_proj,v_proj", "--modules-to-save", "none", "--logging-steps", "1", "--max-steps", "3", "--test-size", "2", .. more]).Ok();
        return _folder[output];
    }

    [Fact]
    public void Report_IsAPageInTheRunsFolder_AndAgainTakesItsPlace()
    {
        string run = Train("one", "--eval-strategy", "steps", "--eval-steps", "1"), path = Path.Combine(run, "report.html");

        var printed = CliRun.Of("report", run).Ok();
        Assert.Equal($"report     {path}: 1 run\n", printed.Out + printed.Error);
        string page = File.ReadAllText(path);
        Assert.Contains("<tr><th scope=\"row\">steps</th><td>3 of 3</td></tr>", page, StringComparison.Ordinal);
        foreach (string curve in new[] { "loss", "eval-loss", "learning-rate", "grad-norm", "speed" })
            Assert.Contains($"id=\"{curve}\" role=\"img\"", page, StringComparison.Ordinal);
        foreach (string row in new[] { "measured peak", "planned", "trained tokens", "rows cut to max_length", "target_modules", "device" })
            Assert.Matches($"<th scope=\"row\">{row}</th><td>[^–<]+</td>", page);

        var json = CliRun.Of("report", run + "/", "--json").Ok().Json;
        Assert.Equal(path, json.GetProperty("report").GetString());
        Assert.Equal(new FileInfo(path).Length, json.GetProperty("bytes").GetInt64());
        Assert.Equal("one", Assert.Single(json.GetProperty("runs").EnumerateArray()).GetString());
        Assert.Empty(json.GetProperty("notes").EnumerateArray());
    }

    [Fact]
    public void Report_OfTwoRuns_ComparesThem()
    {
        string one = Train("one", "--learning-rate", "1e-4"), two = Train("two", "--learning-rate", "5e-3");
        string output = _folder["compared.html"];

        Assert.EndsWith("compared.html: 2 runs\n", CliRun.Of("report", one, two, "--output", output).Ok().Out, StringComparison.Ordinal);

        Assert.Contains(
            "<th scope=\"row\">learning_rate</th><td>0.0001</td><td>0.005</td>", File.ReadAllText(output), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(one, "report.html")));
    }

    [Fact]
    public void Report_RefusesWhatIsNoRun_AndOtherFiles()
    {
        CliRun.Of("report").AssertError(2, "expected the folder of at least one run, found none.");
        CliRun.Of("report", _folder["none"]).AssertError(1, "expected the folder of a run, found none; check the path.");
        CliRun.Of("report", _folder.Path).AssertError(1, "name the output_dir of a run ('lapidary runs' finds those below a folder).");
        string run = Train("one"), mine = _folder["mine.html"];
        File.WriteAllText(mine, "mine");
        CliRun.Of("report", run, "--output", mine).AssertError(
            1, "is there already, and is no report; choose another name, or use --overwrite to replace it.");
        Assert.Equal("mine", File.ReadAllText(mine));
        CliRun.Of("report", run, "--output", mine, "--overwrite").Ok();
        CliRun.Of("report", run, "--output", run).AssertError(2, "is a folder; name a file in it.");
    }

    /// <summary>The report of a run whose checkpoint another program damaged says so, on both screens.</summary>
    [Fact]
    public void Report_OfADamagedRun_NamesTheFault()
    {
        string run = Train("one");
        File.WriteAllText(Path.Combine(run, "manifest.json"), "{");

        var printed = CliRun.Of("report", run, "--json").Ok();

        string note = Assert.Single(printed.Json.GetProperty("notes").EnumerateArray()).GetString()!;
        Assert.Contains("manifest.json: expected JSON", note, StringComparison.Ordinal);
        Assert.Contains(note, printed.Error, StringComparison.Ordinal);
    }
}
