using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Tests.Data;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Folders, files and patterns of this machine.</summary>
public sealed class DataSourceTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Load_ReadsTheTrainSplitAlone()
    {
        Write("data/train.jsonl", "a");
        Write("data/validation.jsonl", "b");
        Write("data/test.jsonl", "c");
        Write("dataset_infos.json", "no row");
        Write(".cache/train.jsonl", "hidden");
        Assert.Equal(["a"], Rows(_folder));
        Assert.Equal(["c"], Rows(_folder, "test"));
        Assert.Equal(["b"], Rows($"{_folder}:validation"));
        Assert.Equal(["a", "b"], Rows($"{_folder}:train+validation"));
        var (train, validation) = DataSet.LoadSplits(_folder);
        Assert.Equal(["a"], RowText.Of(train));
        Assert.Equal(["b"], RowText.Of(validation!));
        Assert.Equal(
            "splits: train 1 file, validation 1 file (evaluated on), test 1 file (not used)", Find(_folder).Describe(["validation"]));
    }

    [Fact]
    public void TheSplitThatAnEvaluationTakes_IsNamed()
    {
        Write("train.jsonl", "a");
        Write("test.jsonl", "b");
        var source = Find(_folder);
        Assert.Equal(["test"], Find(_folder + "/").EvaluatedSplitsOf(source));
        Assert.Equal(["train"], Find($"{_folder}:train").EvaluatedSplitsOf(source));
        Assert.Empty(Find(Path.Combine(_folder, "test.jsonl")).EvaluatedSplitsOf(source));
        Assert.Equal("splits: train 1 file, test 1 file (evaluated on)", source.Describe(["test"]));
        Write("validation.jsonl", "c");
        Assert.Equal(["validation"], Find(_folder).EvaluatedSplitsOf(Find(_folder)));
    }

    [Fact]
    public void Load_GoesByTheFoldersCard()
    {
        Write("one.jsonl", "1");
        Write("two.jsonl", "2");
        Write("train.jsonl", "3");
        WriteText("README.md", "---\nconfigs:\n- {config_name: a, data_files: one.jsonl, default: true}\n"
            + "- {config_name: b, data_files: [{split: train, path: two.jsonl}, {split: extra, path: one.jsonl}]}\n---\n");
        Assert.Equal(["1"], Rows(_folder));
        Assert.Equal(["2"], RowText.Of(DataSet.Load(_folder, config: "b")));
        Assert.Equal(["1"], RowText.Of(DataSet.Load(_folder, split: "extra", config: "b")));
        Assert.Equal("splits of config b: train 1 file, extra 1 file (not used), 1 file of no split (not used)",
            DataSource.Find(_folder, new HubAccess(null), "b").Describe([]));
        Assert.Contains("found train, extra", Error(() => DataSet.Load(_folder, split: "test", config: "b")), StringComparison.Ordinal);
        WriteText(".huggingface.yaml", "configs:\n- data_files: two.jsonl");
        Assert.Equal(["2"], Rows(_folder));
    }

    [Fact]
    public void Load_TakesAllFormatsOfAFolderWithoutACard_AndOneWithIt()
    {
        Write("a.jsonl", "1");
        WriteText("b.csv", "text\n2\n");
        Write("c.jsonl", "3");
        Assert.Equal(["1", "2", "3"], Rows(_folder));
        WriteText("README.md", "# Rows");
        Assert.Equal(["1", "3"], Rows(_folder));
        Assert.Equal("splits: train 2 files, 1 file of no split (not used)", Find(_folder).Describe([]));
    }

    [Theory]
    [InlineData("[:3]", "0 1 2")]
    [InlineData("[3:6]", "3 4 5")]
    [InlineData("[-2:]", "8 9")]
    [InlineData("[80%:]", "8 9")]
    [InlineData("[:40%]", "0 1 2 3")]
    [InlineData("[4:5]+train[:1]", "4 0")]
    [InlineData("", "0 1 2 3 4 5 6 7 8 9")]
    public void Load_Slices(string slice, string expected)
    {
        WriteText("a.jsonl", string.Concat(Enumerable.Range(0, 4).Select(i => $$"""{"text":"{{i}}"}""" + "\n")));
        WriteText("b.csv", "text\n4\n5\n6\n");
        WriteText("c.jsonl", string.Concat(Enumerable.Range(7, 3).Select(i => $$"""{"text":"{{i}}"}""" + "\n")));
        Assert.Equal(expected.Split(' '), Rows($"{_folder}:train{slice}"));
        Assert.Equal(expected.Split(' '), Rows(_folder, "train" + slice));
    }

    [Fact]
    public void Load_ReadsNoFurtherThanTheSlice()
    {
        Write("a.jsonl", "1");
        WriteText("b.jsonl", "no row");
        Assert.Equal(["1"], Rows($"{_folder}:train[:1]"));
        Assert.Contains("found invalid JSON", Error(() => Rows($"{_folder}:train[:2]")), StringComparison.Ordinal);
        Assert.Contains("expected at least one row", Error(() => Rows($"{_folder}:train[1:1]")), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_HaveTheTrainSplit()
    {
        Write("test.jsonl", "1");
        string file = Path.Combine(_folder, "test.jsonl");
        Assert.Equal(["1"], Rows($"{file}:train[:5]"));
        Assert.Equal(["1"], Rows(Path.Combine(_folder, "*.jsonl:train")));
        Assert.Contains("expected a split \"test\", found train", Error(() => Rows($"{file}:test")), StringComparison.Ordinal);
        Assert.Contains("has a config \"x\"", Error(() => DataSet.Load(file, config: "x")), StringComparison.Ordinal);
        Assert.Contains("found train[:5] in the name", Error(() => Rows($"{file}:train[:5]", "train")), StringComparison.Ordinal);
        Assert.Contains("found nothing; check the path", Error(() => Rows(Path.Combine(_folder, "none.jsonl"))), StringComparison.Ordinal);
        Assert.Contains("found only those", Error(() => Rows(_folder)).Replace("found test", "found only those"), StringComparison.Ordinal);
    }

    [Fact]
    public void FetchForEvaluation_IsTheNamedSplit_ThenValidation_ThenTest_ThenAll()
    {
        Write("train.jsonl", "a");
        Assert.Equal("a", Evaluated(_folder));
        Write("test.jsonl", "t");
        Assert.Equal("t", Evaluated(_folder));
        Write("dev.jsonl", "v");
        Assert.Equal("v", Evaluated(_folder));
        Assert.Equal("a", Evaluated($"{_folder}:train"));

        static string Evaluated(string name) => Assert.Single(RowText.Of(DataSet.Load(Find(name).FetchForEvaluation(), new(), out _)));
    }

    [Fact]
    public void Folders_ArePassedOver_WhereLinksLeadBack()
    {
        Write("a/b.jsonl", "1");
        Write("__pycache__/b.jsonl", "2");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "a", "up"), _folder);
        Assert.Equal(["1"], Rows(_folder));
    }

    [Fact]
    public void Recorded_NamesTheSameRowsAnywhere()
    {
        Write("train.jsonl", "a");
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, _folder);
        Assert.Equal($"{_folder}:train[:1]", Find($"{relative}:train[:1]").Recorded);
        Assert.Equal(_folder, DataSource.Find(relative, new HubAccess(null), split: "train[:1]").Recorded);
    }

    [Fact]
    public void RequireAll_FindsMissingFiles()
    {
        NumberedFiles.RequireAll("x", ["a.csv", "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]);
        Assert.Contains(
            "expected all 3 files data/train", Error(() => NumberedFiles.RequireAll("x", ["data/train-00000-of-00003.parquet"])),
            StringComparison.Ordinal);
    }

    private static string Error(Action load) => Assert.Throws<LapidaryException>(load).Message;

    private static DataSource Find(string name) => DataSource.Find(name, new HubAccess(null));

    private static string[] Rows(string name, string? split = null) => RowText.Of(DataSet.Load(name, split: split));

    private void Write(string name, string text) => WriteText(name, $$"""{"text":"{{text}}"}""");

    private void WriteText(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
