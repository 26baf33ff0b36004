using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training.Tests.Data;

/// <summary>Folders with splits, after the rules of Hugging Face's datasets.</summary>
public class SplitFilesTests
{
    [Theory]
    [InlineData("a.jsonl b.csv", "a.jsonl b.csv", "", "")]
    [InlineData("train.jsonl test.jsonl", "train.jsonl", "", "test.jsonl")]
    [InlineData("train.jsonl validation.jsonl", "train.jsonl", "validation.jsonl", "")]
    [InlineData("x_train.csv x_val.csv x.dev.csv", "x_train.csv", "x.dev.csv x_val.csv", "")]
    [InlineData("data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet data/test-00000-of-00001.parquet",
        "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet", "", "data/test-00000-of-00001.parquet")]
    [InlineData("data/train_sft-00000-of-00001.parquet data/test_sft-00000-of-00001.parquet",
        "data/train_sft-00000-of-00001.parquet", "", "data/test_sft-00000-of-00001.parquet")]
    [InlineData("data/train-00000-of-00001.parquet data/train_more-00000-of-00001.parquet", "data/train-00000-of-00001.parquet", "", "")]
    [InlineData("train/a.jsonl test/b.jsonl", "train/a.jsonl", "", "test/b.jsonl")]
    [InlineData("test/train-1.csv training/x.csv", "training/x.csv", "", "test/train-1.csv")]
    [InlineData("train.jsonl.gz eval.jsonl.zst", "train.jsonl.gz", "", "eval.jsonl.zst")]
    [InlineData("contest.jsonl trainer.jsonl developers.csv", "contest.jsonl developers.csv trainer.jsonl", "", "")]
    public void OfFolder_TellsSplitsByWords(string files, string train, string validation, string test)
    {
        var split = SplitFiles.OfFolder("d", [.. files.Split(' ').Order(StringComparer.Ordinal).Select(x => Path.Combine("d", x))]);
        Assert.Equal(train, Names(split.Train));
        Assert.Equal(validation, Names(split.Validation));
        Assert.Equal(test, Names(split.Test));

        static string Names(IReadOnlyList<string> paths) => string.Join(' ', paths.Select(x => x[2..]));
    }

    [Theory]
    [InlineData("test.jsonl", "expected files to train on, found only those of test")]
    [InlineData("data/train_a-00000-of-00001.parquet data/train_b-00000-of-00001.parquet", "found train_a and train_b")]
    [InlineData("", "files, found none")]
    public void OfFolder_SaysWhatCannotBeTrained(string files, string expected)
    {
        string[] paths = [.. files.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(x => Path.Combine("d", x))];
        Assert.Contains(
            expected, Assert.Throws<LapidaryException>(() => SplitFiles.OfFolder("d", paths)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ForEvaluation_IsValidation_ThenTest_ThenAll()
    {
        Assert.Equal(["v"], new SplitFiles(["a"], ["v"], ["t"], 0).ForEvaluation);
        Assert.Equal(["t"], new SplitFiles(["a"], [], ["t"], 0).ForEvaluation);
        Assert.Equal(["a"], new SplitFiles(["a"], [], [], 0).ForEvaluation);
    }

    [Fact]
    public void Find_PassesOverLinksToFolders_AndFoldersOfPrograms()
    {
        string folder = Fixtures.TemporaryFolder();
        foreach (string inner in new[] { "a", "__pycache__" })
        {
            Directory.CreateDirectory(Path.Combine(folder, inner));
            File.WriteAllText(Path.Combine(folder, inner, "b.jsonl"), "");
        }

        Directory.CreateSymbolicLink(Path.Combine(folder, "a", "up"), folder);
        Assert.Equal([Path.Combine(folder, "a", "b.jsonl")], SplitFiles.Find(folder).Train);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Load_ReadsTheTrainSplitAlone()
    {
        string folder = Fixtures.TemporaryFolder();
        Write("data/train.jsonl", "a");
        Write("data/validation.jsonl", "b");
        Write("data/test.jsonl", "c");
        Write("dataset_infos.json", "no row");
        Write(".cache/train.jsonl", "hidden");
        Assert.Equal(["a"], RowText.Of(DataSet.Load(folder)));
        var (train, validation) = DataSet.LoadSplits(folder);
        Assert.Equal(["a"], RowText.Of(train));
        Assert.Equal(["b"], RowText.Of(validation!));
        Assert.Equal(
            "splits: train 1 file, validation 1 file (evaluated on), test 1 file (not used)",
            SplitFiles.Find(folder).Describe(usesValidation: true));
        Directory.Delete(folder, recursive: true);

        void Write(string name, string text)
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, $$"""{"text":"{{text}}"}""");
        }
    }
}
