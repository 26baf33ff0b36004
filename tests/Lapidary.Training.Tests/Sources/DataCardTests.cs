using System.Diagnostics;
using Lapidary.Formats;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Front matter of data sets' cards.</summary>
public class DataCardTests
{
    [Theory]
    [InlineData("configs:\n- config_name: a\n  data_files: x.csv", "a: train x.csv")]
    [InlineData("configs:\n- config_name: a\n  data_files: [x.csv, y.csv]", "a: train x.csv y.csv")]
    [InlineData("configs:\n- data_files:\n  - split: train\n    path: data/train-*\n  - split: test\n    path: [t1, t2]",
        "default: train data/train-*, test t1 t2")]
    [InlineData("configs:\n- config_name: a\n  data_files:\n    train: x\n    dev: [y]", "a: train x, dev y")]
    [InlineData("configs:\n- config_name: a\n  data_dir: sub\n  default: true\n- config_name: b\n  data_dir: b", "a in sub *, b in b")]
    [InlineData("license: mit\ndataset_info:\n  features: [{name: x, dtype: string}]\nconfigs:\n- config_name: '1'\n  sep: ';'", "1")]
    [InlineData("license: mit", "")]
    [InlineData("configs:", "")]
    [InlineData("configs: []", "")]
    [InlineData("", "")]
    [InlineData("just text", "")]
    [InlineData("a: &x [1, 2]\nb: *x\nconfigs:\n- config_name: c", "c")]
    public void OfYaml_ReadsConfigs(string yaml, string expected)
    {
        Assert.Equal(expected, Text(DataCard.OfYaml(yaml, "place")));
        Assert.Equal(expected, Text(DataCard.OfReadme($"---\n{yaml}\n---\n# Card\n---\nconfigs: no\n---\n", "place")));
        Assert.Equal(expected, Text(DataCard.OfReadme($"\uFEFF---\r\n{yaml.ReplaceLineEndings("\r\n")}\r\n---\r\n", "place")));
    }

    [Theory]
    [InlineData("# Card\n---\nconfigs: [{config_name: a}]\n---\n")]
    [InlineData("---\nconfigs: [{config_name: a}]\n")]
    [InlineData("----\nconfigs: [{config_name: a}]\n---\n")]
    [InlineData("---")]
    [InlineData("")]
    public void OfReadme_NeedsFrontMatter(string text) => Assert.Empty(DataCard.OfReadme(text, "place").Configs);

    [Theory]
    [InlineData("configs: 5")]
    [InlineData("configs: [a, b]")]
    [InlineData("configs:\n- config_name: a\n- config_name: a")]
    [InlineData("configs:\n- config_name: a\n  data_files: [{split: train}]")]
    [InlineData("configs:\n- config_name: a\n  data_files: [{split: train, path: {a: b}}]")]
    [InlineData("configs:\n- config_name: a\n  data_files: [{split: x, path: a}, {split: x, path: b}]")]
    [InlineData("configs:\n- config_name: [a]")]
    [InlineData("configs:\n- &a {config_name: a}\n- *a")]
    [InlineData("configs: [{a: b")]
    [InlineData("a: [}")]
    public void OfYaml_SaysWhatIsWrong(string yaml)
    {
        string message = Assert.Throws<LapidaryException>(() => DataCard.OfYaml(yaml, "org/name/README.md")).Message;
        Assert.StartsWith("org/name/README.md: expected", message, StringComparison.Ordinal);
    }

    [Fact]
    public void OfYaml_EndsSoonOnHostileText()
    {
        string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(0, 30).Select(
            i => $"{(char)('b' + (i % 25))}{i}: &{(char)('b' + (i % 25))}{i} [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"));
        var watch = Stopwatch.StartNew();
        Assert.Empty(DataCard.OfYaml(bomb, "place").Configs);
        foreach (string hostile in new[]
        {
            "configs: " + new string('[', 1 << 20), new string('[', 1 << 20),
            "configs: " + string.Concat(Enumerable.Repeat("{a: ", 1 << 18)),
            "configs:\n" + string.Concat(Enumerable.Range(0, 100_000).Select(i => $"- config_name: a{i}\n")), new string('a', 5 << 20),
            bomb + "configs: [*a]", string.Concat(Enumerable.Repeat("- ", 1 << 18)), "configs: " + new string('&', 1 << 16),
        })
        {
            try
            {
                DataCard.OfYaml(hostile, "place");
            }
            catch (LapidaryException)
            {
                // One line is all that is asked for.
            }
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{watch.Elapsed}");
    }

    private static string Text(DataCard card) => string.Join(", ", card.Configs.Select(config =>
        config.Name + (config.DataDir is null ? "" : $" in {config.DataDir}") + (config.IsDefault ? " *" : "")
        + (config.Splits is null ? "" : ": " + string.Join(", ", config.Splits.Select(x => $"{x.Name} {string.Join(' ', x.Patterns)}")))));
}
