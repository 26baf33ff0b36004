using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Training.Tests.Reports;

public sealed partial class TrainingReportTests : IDisposable
{
    private readonly RunFolders _folders = new();

    public void Dispose() => _folders.Dispose();

    private static string Page(params string[] folders) => TrainingReport.Read(folders).ToHtml();

    [Fact]
    public void Page_ShowsWhatTheRunRecorded()
    {
        string page = Page(_folders.Finished("my-run"));

        Assert.Contains("<title>Training report: my-run</title>", page, StringComparison.Ordinal);
        AssertRow(page, "steps", "30 of 30");
        AssertRow(page, "last training loss", "1.5000");
        AssertRow(page, "evaluation loss", "1.7500");
        AssertRow(page, "metric before training", "0");
        AssertRow(page, "metric after training", "0.3");
        AssertRow(page, "time", "0:01:00");
        AssertRow(page, "tokens per second", "100");
        AssertRow(page, "trained tokens", "2,500 (25.0 %)");
        AssertRow(page, "rows cut to max_length", "30 (10.0 %)");
        AssertRow(page, "planned", "4.0 MiB");
        AssertRow(page, "measured peak", "3.0 MiB");
        AssertRow(page, "measured of planned", "75.00 %");
        AssertRow(page, "planned for Base", "3.0 MiB");
        AssertRow(page, "lora_r", "16");
        Assert.Contains("before training <span class=\"wrong\">", page, StringComparison.Ordinal);
        Assert.Contains("after step 30 <span class=\"right\">", page, StringComparison.Ordinal);
        Assert.Contains("<code>SELECT count(*) FROM users;</code>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("id=\"notes\"", page, StringComparison.Ordinal);
        Assert.Contains("<tr><th scope=\"row\">12</th><td>2.4000</td></tr>", page, StringComparison.Ordinal); // the loss in words
        Assert.Equal(
            ["loss", "eval-loss", "metric-0", "eval-accuracy", "learning-rate", "grad-norm", "speed"],
            Data(page).GetProperty("curves").EnumerateArray().Select(curve => curve.GetProperty("id").GetString()!));
    }

    [Fact]
    public void Page_OfSeveralRuns_ShowsWhatDiffers_AndTellsRunsOfOneNameApart()
    {
        string page = Page(
            _folders.Finished("a/run"), _folders.Finished("b/run", shift: 1, settings: new() { ["lora_r"] = 32 }),
            _folders.Finished("other"));

        var runs = Data(page).GetProperty("runs").EnumerateArray().ToArray();
        Assert.Equal(["a/run", "b/run", "other"], runs.Select(run => run.GetProperty("name").GetString()!));
        Assert.Equal(3, runs.Select(run => run.GetProperty("mark").GetString()).Distinct().Count());
        Assert.Equal(3, runs.Select(run => run.GetProperty("dash").ToString()).Distinct().Count());
        string differing = Between(page, "Settings that differ</caption>", "</table>");
        Assert.Contains("<th scope=\"row\">lora_r</th><td>16</td><td>32</td><td>16</td>", differing, StringComparison.Ordinal);
        Assert.DoesNotContain("max_length", differing, StringComparison.Ordinal);
        Assert.Contains("max_length", Between(page, "Settings that are the same</caption>", "</table>"), StringComparison.Ordinal);
    }

    /// <summary>Each run's files have paths as seen from its folder, which a reader of the page is not in.</summary>
    [Fact]
    public void Paths_AreTheSame_WhereTheirFilesAre()
    {
        string page = Page(
            _folders.Finished("one", settings: new() { ["dataset"] = "../rows.jsonl", ["model"] = "google/gemma-3-1b-pt" }),
            _folders.Finished("deep/two", settings: new() { ["dataset"] = "../../rows.jsonl:train", ["eval_dataset"] = "./eval.jsonl" }),
            _folders.Finished("deep/three", settings: new() { ["dataset"] = new[] { "../../rows.jsonl", "google/data" } }));

        string rows = _folders["rows.jsonl"];
        Assert.Contains(
            $"<th scope=\"row\">dataset</th><td>{rows}</td><td>{rows}:train</td><td>{rows}, google/data</td>", page,
            StringComparison.Ordinal);
        Assert.Contains($"<td>{_folders["deep/two"]}/eval.jsonl</td>", page, StringComparison.Ordinal);
        Assert.Contains(
            $"<th scope=\"row\">data</th><td>{_folders["train.jsonl"]}</td><td>{_folders["deep/train.jsonl"]}</td>", page,
            StringComparison.Ordinal);
        string same = Page(
            _folders.Finished("a", settings: new() { ["dataset"] = "../rows.jsonl" }),
            _folders.Finished("b/c", settings: new() { ["dataset"] = "../../rows.jsonl" }));
        Assert.Contains("The runs have the same settings.", same, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfTheSameFolderTwice_ReadsItOnce()
    {
        string folder = _folders.Finished("run");
        Assert.Equal(["run"], TrainingReport.Read([folder, folder + Path.DirectorySeparatorChar]).Runs);
        Assert.Throws<ArgumentException>(() => TrainingReport.Read([]));
    }

    /// <summary>Text of a run is text of the page, wherever it comes from.</summary>
    [Fact]
    public void Texts_AreNeverMarkup()
    {
        const string Bad = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e";
        string plain = Page(_folders.Finished("plain"));
        string page = Page(_folders.Finished(
            "<img src=x>\"'&amp;", settings: new() { ["model"] = Bad, [Bad] = "key" }, answer: Bad));

        Assert.Equal(Tag().Count(plain) + Tag().Count(Row(plain)) * 2, Tag().Count(page)); // two settings more, and nothing else
        Assert.DoesNotContain("<img", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("\u202e", page, StringComparison.Ordinal);
        Assert.Contains("&lt;img src=x onerror=alert(2)&gt;&quot;&#x27;&amp;\\u202e", page, StringComparison.Ordinal);
        Assert.Equal("<img src=x>\"'&amp;", Data(page).GetProperty("runs")[0].GetProperty("name").GetString());

        static string Row(string page) => Between(page, "<tr><th scope=\"row\">lora_r</th>", "</tr>") + "<tr></tr><th></th>";
    }

    /// <summary>The policy names the styles and scripts that are there by their hashes, and gives no other right.</summary>
    [Fact]
    public void Policy_AllowsThePagesOwnStylesAndScriptsAlone()
    {
        string page = Page(_folders.Finished("run"));
        string policy = Regex.Match(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"(.+?)\">").Groups[1].Value;
        var rules = policy.Split("; ").Select(rule => rule.Split(' ')).ToDictionary(rule => rule[0], rule => rule[1..]);

        Assert.Equal(["'none'"], rules["default-src"]);
        Assert.Equal(Hashes("<style>", "</style>"), rules["style-src"]);
        Assert.Equal(Hashes("<script>", "</script>"), rules["script-src"]);
        Assert.Equal(["data:"], rules["img-src"]);
        Assert.True(page.IndexOf("Content-Security-Policy", StringComparison.Ordinal) < page.IndexOf("<style>", StringComparison.Ordinal));
        Assert.DoesNotMatch(
            @"\ssrc=|@import|url\(|style=""", page.Replace(Between(page, "<script>", "</body>"), "", StringComparison.Ordinal));
        Assert.Contains("Copyright (c) 2022 Leon Sorokin", page, StringComparison.Ordinal); // as the licence of its copies wants

        string[] Hashes(string open, string close) => [.. page.Split(open)[1..]
            .Select(part => part[..part.IndexOf(close, StringComparison.Ordinal)])
            .Select(text => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'")];
    }

    [Fact]
    public void ValuesThatAreNoNumbers_AreGaps_AndAreNamed()
    {
        RunFolders.WriteState(_folders["theirs"], steps: 20, notANumberAt: 4);

        var report = TrainingReport.Read([_folders["theirs"]]);

        Assert.Contains("theirs: Training loss is not a finite number at step 4; the curve has a gap there.", report.Notes);
        var loss = Data(report.ToHtml()).GetProperty("curves")[0].GetProperty("lines")[0];
        Assert.Equal([4], loss.GetProperty("x").EnumerateArray().Zip(loss.GetProperty("y").EnumerateArray())
            .Where(point => point.Second.ValueKind == JsonValueKind.Null).Select(point => point.First.GetInt32()));
        Assert.Contains("<th scope=\"row\">4</th><td>not a number</td>", report.ToHtml(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ReplacesAReport_AndNoOtherFileUnlessTold()
    {
        var report = TrainingReport.Read([_folders.Finished("run")]);
        string path = _folders["run/report.html"];
        report.Write(path);
        File.AppendAllText(path, "old");
        report.Write(path);
        Assert.DoesNotContain("old", File.ReadAllText(path)[^10..], StringComparison.Ordinal);

        File.WriteAllText(path, "<!DOCTYPE html>\nmine");
        var error = Assert.Throws<LapidaryException>(() => report.Write(path));
        Assert.Equal(
            $"{path}: is there already, and is no report; choose another name, or set Overwrite to true to replace it.", error.Message);
        Assert.Equal("<!DOCTYPE html>\nmine", File.ReadAllText(path));
        report.Write(path, overwrite: true);
        Assert.StartsWith("<!DOCTYPE html>\n<!-- A training report", File.ReadAllText(path), StringComparison.Ordinal);
        error = Assert.Throws<LapidaryException>(() => report.Write(_folders["run"]));
        Assert.Contains("found a folder", error.Message, StringComparison.Ordinal);
    }

    private static void AssertRow(string page, string label, string value) =>
        Assert.Contains($"<tr><th scope=\"row\">{label}</th><td>{value}</td></tr>", page, StringComparison.Ordinal);

    private static JsonElement Data(string page) =>
        JsonDocument.Parse(Between(page, "<script type=\"application/json\" id=\"curve-data\">", "</script>")).RootElement;

    private static string Between(string text, string start, string end)
    {
        int at = text.IndexOf(start, StringComparison.Ordinal) + start.Length;
        Assert.True(at >= start.Length, $"{start} is not there");
        return text[at..text.IndexOf(end, at, StringComparison.Ordinal)];
    }

    [GeneratedRegex("<[a-z!/]", RegexOptions.IgnoreCase)]
    private static partial Regex Tag();
}
