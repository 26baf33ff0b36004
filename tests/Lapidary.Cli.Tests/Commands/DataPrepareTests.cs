using System.Text.Json;
using Lapidary.Training;
using Parquet;

namespace Lapidary.Cli.Tests.Commands;

public sealed class DataPrepareTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Rows(int count = 50)
    {
        string file = _folder["sql.jsonl"];
        CliRun.Of("data", "synth", "--rows", $"{count}", "--output", file).Ok();
        return file;
    }

    private static string[] Texts(DataSet data) =>
        [.. data.Rows.Cast<MessagesRow>().Select(row => string.Join('|', row.Messages.Select(turn => $"{turn.Role}:{turn.Content}")))];

    [Theory]
    [InlineData("jsonl", "train.jsonl")]
    [InlineData("parquet", "data/train-00000-of-00001.parquet")]
    public void Prepare_HasTheRowsThatTrainWouldTake(string format, string trainFile)
    {
        string rows = Rows(), output = _folder["prepared"];
        var report = CliRun.Of(
            "data", "prepare", "--dataset", rows, "--template", "text-to-sql", "--select", "40", "--test-size", "8", "--seed", "9",
            "--format", format, "--output", output, "--json").Ok().Json;
        Assert.Equal((32, 8), (report.GetProperty("train_rows").GetInt32(), report.GetProperty("test_rows").GetInt32()));
        Assert.True(File.Exists(Path.Combine(output, trainFile)));
        var (train, test) = DataSet.Load(rows, new DataSetOptions { Template = RowTemplate.TextToSql }).Shuffle(9).Select(40)
            .TrainTestSplit(8, 9);
        Assert.Equal(Texts(train), Texts(DataSet.Load(output)));
        Assert.Equal(Texts(test), Texts(DataSet.Load(output + ":test")));
    }

    [Fact]
    public async Task Parquet_IsReadByTheLibraryToo()
    {
        string output = _folder["rows.parquet"];
        CliRun.Of("data", "prepare", "--dataset", Rows(12), "--template", "text-to-sql", "--keep-columns", "--output", output).Ok();
        await using var reader = await ParquetReader.CreateAsync(output, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(12, reader.Metadata!.RowGroups.Sum(group => group.NumRows));
        string[] paths = [.. reader.Schema.DataFields.Select(field => field.Path.ToString())];
        Assert.Contains(paths, path => path is "messages/list/element/content");
        Assert.Contains("sql_complexity", paths);
        Assert.Equal(12, DataSet.Load(output).Count);
    }

    [Fact]
    public void Prepare_WithoutATemplate_KeepsRowsAsTheyAre()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
        [
            """{"prompt": "a", "completion": "1", "n": 1, "x": 0.5, "tags": ["p", "q"], "ok": true}""",
            """{"prompt": "b", "completion": "2", "n": null, "x": 2, "tags": [], "ok": false}""",
        ]);
        CliRun.Of("data", "prepare", "--dataset", rows, "--shuffle", "false", "--output", _folder["same.jsonl"]).Ok();
        Assert.Equal(Elements(rows), Elements(_folder["same.jsonl"]));
        var run = CliRun.Of("data", "prepare", "--dataset", rows, "--output", _folder["same.parquet"]).Ok();
        Assert.Contains("tags as JSON text", run.Error, StringComparison.Ordinal);
        Assert.Equal(2, DataSet.Load(_folder["same.parquet"]).Count);

        static string[] Elements(string file) =>
            [.. File.ReadAllLines(file).Select(line => JsonSerializer.Serialize(JsonDocument.Parse(line)))];
    }

    [Fact]
    public void Prepare_LeavesOutDuplicatesLeaksAndLongRows()
    {
        var lines = Enumerable.Range(0, 20).Select(i => $$"""{"prompt": "question {{i}}", "completion": "answer"}""").ToList();
        lines.AddRange(lines[..5]);
        lines.AddRange(Enumerable.Range(0, 20).Select(i => $$"""{"prompt": "QUESTION {{i}}?", "completion": "answer"}"""));
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", lines);
        var report = CliRun.Of(
            "data", "prepare", "--dataset", rows, "--drop-duplicates", "--no-leaks", "--test-size", "10", "--output", _folder["out"],
            "--json").Ok().Json;
        Assert.Equal((45, 5), (report.GetProperty("rows").GetInt32(), report.GetProperty("duplicate_rows").GetInt32()));
        int leaks = report.GetProperty("leaked_rows").GetInt32();
        Assert.InRange(leaks, 1, 9);
        Assert.Equal(10 - leaks, report.GetProperty("test_rows").GetInt32());
        var inspected = CliRun.Of("data", "inspect", _folder["out"], "--json").Ok().Json.GetProperty("evaluation");
        Assert.Equal(0, inspected.GetProperty("similar_prompt").GetInt32());

        string chat = TinyModel.WriteLines(
            _folder.Path, "text.jsonl", ["""{"text": "stones"}""", """{"text": "stones stones stones stones"}"""]);
        var cut = CliRun.Of(
            "data", "prepare", "--dataset", chat, "--max-length", "6", "--tokenizer", TinyModel.WithTokenizer, "--output",
            _folder["short.jsonl"], "--json").Ok().Json;
        Assert.Equal(1, cut.GetProperty("too_long_rows").GetInt32());
        Assert.Single(File.ReadAllLines(_folder["short.jsonl"]));
    }

    [Fact]
    public void Prepare_RefusesWhatItCannotDo()
    {
        string rows = Rows(5);
        string[] prepare = ["data", "prepare", "--dataset", rows, "--output"];
        CliRun.Of([.. prepare, _folder["one.jsonl"], "--test-size", "2"]).AssertError(2, "two splits need two files");
        CliRun.Of([.. prepare, _folder["one.jsonl"], "--no-leaks"]).AssertError(2, "--test-size");
        CliRun.Of([.. prepare, _folder["one.jsonl"], "--max-length", "9"]).AssertError(2, "--tokenizer");
        CliRun.Of([.. prepare, _folder["dir"]]).Ok();
        CliRun.Of([.. prepare, _folder["dir"]]).AssertError(1, "is there already", "--overwrite to replace");
        CliRun.Of([.. prepare, _folder["dir"], "--overwrite"]).Ok();
        CliRun.Of("data", "prepare", "--dataset", rows).AssertError(2, "--output");
    }
}
