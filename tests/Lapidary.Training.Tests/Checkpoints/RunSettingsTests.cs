using Lapidary.Tests;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Tests.Checkpoints;

public sealed class RunSettingsTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A text that YAML would take for something else, or for more than one line, is quoted.</summary>
    [Fact]
    public void Write_QuotesWhatYamlWouldReadOtherwise()
    {
        KeyValuePair<string, string>[] settings =
        [
            new("model", "/models/gemma-3"), new("max_steps", "3"), new("learning_rate", "-1E-05"), new("a", "null"), new("b", "NULL"),
            new("c", "two words # and more"), new("d", "x: y"), new("e", "two\nlines\t\"quoted\" \\"), new("f", ""), new("g", "~"),
            new("h", "- item"), new("overwrite_output_dir", "true"),
        ];
        RunSettings.Write(_folder, settings);
        Assert.Equal(
            $"""
            # The settings of a run, for 'lapidary train'. Paths from ./ or ../ on begin at this folder.
            run_file_version: 2
            run_folder: {_folder}
            model: /models/gemma-3
            max_steps: 3
            learning_rate: -1E-05
            a: "null"
            b: "NULL"
            c: "two words # and more"
            d: "x: y"
            e: "two\nlines\t\"quoted\" \\"
            f: ""
            g: "~"
            h: "- item"

            """.ReplaceLineEndings("\n"),
            File.ReadAllText(Path.Combine(_folder, RunSettings.FileName)));
    }
}
