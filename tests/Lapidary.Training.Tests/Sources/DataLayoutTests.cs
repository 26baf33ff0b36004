using Lapidary.Formats;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training.Tests.Sources;

/// <summary>From names of files to splits, after the rules of Hugging Face's datasets.</summary>
public class DataLayoutTests
{
    private const string Numbered = "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet data/test-00000-of-00001.parquet";

    [Theory]
    // Everything is one split where no name says more.
    [InlineData("a.jsonl b.jsonl README.md .gitattributes LICENSE", "train: a.jsonl b.jsonl")]
    [InlineData("contest.jsonl trainer.jsonl developers.jsonl", "train: contest.jsonl developers.jsonl trainer.jsonl")]
    [InlineData("x/a.csv y/b.csv", "train: x/a.csv y/b.csv")]
    // Numbered files of data/ go before everything; their splits have any name.
    [InlineData(Numbered,
        "train: data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet | test: data/test-00000-of-00001.parquet")]
    [InlineData("data/train_sft-00000-of-00001.parquet data/test_sft-00000-of-00001.parquet",
        "test_sft: data/test_sft-00000-of-00001.parquet | train_sft: data/train_sft-00000-of-00001.parquet")]
    [InlineData("data/test-00000-of-00001-a09b74b3ef9c3b56.parquet data/abc-00000-of-00001.parquet data/validation-00000-of-00001.parquet",
        "validation: data/validation-00000-of-00001.parquet | test: data/test-00000-of-00001-a09b74b3ef9c3b56.parquet | "
        + "abc: data/abc-00000-of-00001.parquet")]
    [InlineData("data/train-00000-of-00001.parquet validation.parquet", "train: data/train-00000-of-00001.parquet")]
    [InlineData("other/data/train-00000-of-00001.parquet", "train: other/data/train-00000-of-00001.parquet")]
    [InlineData("data/train-0-of-1.parquet data/x.parquet", "train: data/train-0-of-1.parquet")]
    // Names of folders go before names of files.
    [InlineData("train/a.jsonl test/b.jsonl", "train: train/a.jsonl | test: test/b.jsonl")]
    [InlineData("test/train-1.csv train-2.csv", "test: test/train-1.csv")]
    [InlineData("test/train-1.csv training/x.csv", "train: training/x.csv | test: test/train-1.csv")]
    [InlineData("a/b_train/c/d.csv a/dev.1/x.csv", "train: a/b_train/c/d.csv | validation: a/dev.1/x.csv")]
    [InlineData("eval-set/x.csv evaluation/y.csv testing/z.csv", "test: eval-set/x.csv evaluation/y.csv testing/z.csv")]
    // Names of files: a word counts at its borders.
    [InlineData("synthetic_text_to_sql_train.snappy.parquet synthetic_text_to_sql_test.snappy.parquet README.md .gitattributes notes.txt",
        "train: synthetic_text_to_sql_train.snappy.parquet | test: synthetic_text_to_sql_test.snappy.parquet")]
    [InlineData("train.jsonl valid.jsonl x.jsonl", "train: train.jsonl | validation: valid.jsonl")]
    [InlineData("my-train0.csv my\u00B7dev.csv", "train: my-train0.csv | validation: my\u00B7dev.csv")]
    [InlineData("x_train.csv x_val.csv x.dev.csv", "train: x_train.csv | validation: x.dev.csv x_val.csv")]
    [InlineData("Train.jsonl TEST.jsonl", "train: TEST.jsonl Train.jsonl")]
    [InlineData("train1.csv 1test.csv", "train: train1.csv | test: 1test.csv")]
    [InlineData("train_test.csv", "train: train_test.csv | test: train_test.csv")]
    [InlineData("train.jsonl.gz eval.jsonl.zst", "train: train.jsonl.gz | test: eval.jsonl.zst")]
    // What is no data.
    [InlineData("a.jsonl config.json dataset_info.json dataset_infos.json dataset_dict.json state.json", "train: a.jsonl")]
    [InlineData(".hidden/train.jsonl a.jsonl __x__/test.jsonl x/.test.jsonl", "train: a.jsonl")]
    [InlineData("test.py a.jsonl", "train: a.jsonl")]
    public void Of_TellsSplitsByNames(string files, string expected) =>
        Assert.Equal(expected, Text(files));

    [Theory]
    [InlineData("a.parquet b.csv c.csv", "train: b.csv c.csv")]
    [InlineData("a.parquet b.csv", "train: a.parquet")]
    [InlineData("a.jsonl b.json", "train: a.jsonl b.json")]
    [InlineData("a.jsonl b.ndjson c.csv", "train: a.jsonl b.ndjson")]
    [InlineData("a.json b.csv", "train: a.json")]
    [InlineData("a.csv.gz b.csv.zst c.jsonl", "train: a.csv.gz b.csv.zst")]
    [InlineData("a.txt b.txt c.jsonl", "train: c.jsonl")]
    [InlineData("train.csv test.jsonl valid.csv", "train: train.csv | validation: valid.csv")]
    public void Of_KeepsTheMostFrequentFormat(string files, string expected) => Assert.Equal(expected, Text(files));

    [Theory]
    [InlineData("configs:\n- config_name: a\n  data_files: data/*.csv", "data/x.csv data/y/z.csv w.csv", "train: data/x.csv")]
    [InlineData("configs:\n- data_files:\n  - {split: train, path: 'data/train-*'}\n  - {split: extra, path: [b.csv, 'c*']}",
        "data/train-1.csv data/train-2.csv b.csv c1.csv c2.csv", "train: data/train-1.csv data/train-2.csv | extra: b.csv c1.csv c2.csv")]
    [InlineData("configs:\n- data_files: ['*.csv', b.csv]", "a.csv b.csv", "train: a.csv b.csv")]
    [InlineData("configs:\n- data_files: [{split: train, path: 'x*'}, {split: test, path: 'none*'}]", "x.csv", "train: x.csv")]
    [InlineData("configs:\n- data_dir: sub", "sub/train.csv sub/test.csv train.csv", "train: sub/train.csv | test: sub/test.csv")]
    [InlineData("configs:\n- data_dir: sub/", "sub/data/train-00000-of-00001.csv", "train: sub/data/train-00000-of-00001.csv")]
    [InlineData("configs:\n- data_dir: sub\n  data_files: '*.csv'", "sub/a.csv b.csv", "train: sub/a.csv")]
    [InlineData("configs:\n- config_name: a\n- config_name: default\n  data_files: d.csv", "d.csv e.csv", "train: d.csv")]
    [InlineData("configs:\n- config_name: a\n- config_name: b\n  default: true\n  data_files: d.csv", "d.csv e.csv", "train: d.csv")]
    [InlineData("license: mit", "d.csv", "train: d.csv")]
    [InlineData("configs:\n- data_files: data.bin.csv", "data.bin.csv", "train: data.bin.csv")]
    public void Of_GoesByTheCard(string yaml, string files, string expected) => Assert.Equal(expected, Text(files, yaml));

    [Theory]
    [InlineData("b", "train: e.csv")]
    [InlineData("default", "train: d.csv")]
    public void Of_TakesTheConfigThatIsAskedFor(string config, string expected) => Assert.Equal(expected, Text(
        "d.csv e.csv", "configs:\n- config_name: default\n  data_files: d.csv\n- config_name: b\n  data_files: e.csv", config));

    [Theory]
    [InlineData("a.csv", "configs:\n- config_name: x\n- config_name: y", null, "found x, y; name one with dataset_config")]
    [InlineData("a.csv", "configs:\n- {config_name: x, default: true}\n- {config_name: y, default: true}", null, "found x, y")]
    [InlineData("a.csv", "configs:\n- config_name: x\n- config_name: y", "z", "expected a config \"z\", found x, y")]
    [InlineData("a.csv", null, "z", "its card names no configs")]
    [InlineData("a.csv", "configs:\n- data_files: b.csv", null, "expected the file b.csv of its card, found none")]
    [InlineData("a.csv", "configs:\n- data_files: '*.jsonl'", null, "files for default, found only .csv")]
    [InlineData("a.csv", "configs:\n- data_files: ../b.csv", null, "found \"../b.csv\"")]
    [InlineData("a.csv", "configs:\n- data_files: [{split: 'a b', path: a.csv}]", null, "found \"a b\"")]
    [InlineData("a.txt b.arrow README.md", null, null, "found only .arrow, .md, .txt")]
    [InlineData("", null, null, "files, found none")]
    [InlineData("data/my-set-00000-of-00001.csv", null, null, "found \"my-set\"")]
    public void Of_SaysWhatIsMissing(string files, string? yaml, string? config, string expected) =>
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => Text(files, yaml, config)).Message, StringComparison.Ordinal);

    [Fact]
    public void Split_ListsThoseThereAre()
    {
        var layout = DataLayout.Of("org/name", ["data/train_sft-00000-of-00001.csv", "data/gen-00000-of-00001.csv"], null, null, true);
        string message = Assert.Throws<LapidaryException>(() => layout.Split("org/name", "train")).Message;
        Assert.Contains("expected a split \"train\", found gen, train_sft", message, StringComparison.Ordinal);
    }

    private static string Text(string files, string? yaml = null, string? config = null)
    {
        // A middle dot stands for a blank in a name.
        string[] names = [.. files.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => name.Replace('\u00B7', ' '))];
        var card = yaml is null ? null : DataCard.OfYaml(yaml, "place");
        var layout = DataLayout.Of("place", names, card, config, oneFormat: true);
        return string.Join(
            " | ",
            layout.Splits.Select(split => $"{split.Name}: {string.Join(' ', split.Files.Select(file => file.Replace(' ', '\u00B7')))}"));
    }
}
