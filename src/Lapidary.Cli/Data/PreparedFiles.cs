using System.Globalization;
using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Runs;
using Lapidary.Formats.Files;
using Lapidary.Training;

namespace Lapidary.Cli.Data;

/// <summary>Formats of prepared files.</summary>
internal enum PreparedFormat
{
    /// <summary>JSON Lines.</summary>
    Jsonl,

    /// <summary>Parquet.</summary>
    Parquet,
}

/// <summary>The files that data prepare writes.</summary>
/// <param name="Folder">Their folder; null for a single file.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test with; null for none.</param>
internal sealed record PreparedFiles(string? Folder, string Train, string? Test)
{
    private const string Card = "README.md";

    /// <summary>Decides the names, and refuses those that exist.</summary>
    public static PreparedFiles Of(CommandRun run, string output, PreparedFormat format, bool hasTest, bool overwrites)
    {
        if (RowFile.IsNamed(output))
        {
            if (hasTest) throw run.Wrong($"--output: two splits need two files; name a folder, not {output}, or leave --test-size out.");
            RowFile.Check(run, "--output", output, overwrites);
            return new(null, output, null);
        }

        if (output == "-") throw run.Wrong("--output: prepared rows need a folder or a file, not standard output.");
        var files = new PreparedFiles(output, Named("train"), hasTest ? Named("test") : null);
        foreach (string file in new[] { files.Train, Named("test"), Path.Combine(output, Card) })
            RowFile.RequireFree(file, overwrites);

        return files;

        string Named(string split) => format == PreparedFormat.Parquet
            ? Path.Combine(output, "data", $"{split}-00000-of-00001.parquet")
            : Path.Combine(output, $"{split}.jsonl");
    }

    /// <summary>Writes the card, which tells readers which file is which split.</summary>
    public void WriteCard(IEnumerable<NamedData> sources, PreparedCounts counts, SftConfig config)
    {
        if (Folder is null) return;
        var text = new StringBuilder("---\nconfigs:\n- config_name: default\n  data_files:\n");
        AddSplit("train", Train);
        if (Test is not null) AddSplit("test", Test);
        string names = string.Join(", ", sources.Select(source => source.Source?.Id ?? Path.GetFileName(source.Name.TrimEnd('/'))));
        text.Append("---\n\n# Prepared rows\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Rows of {names}, drawn with seed {config.Seed}: {counts.Train} to train on");
        text.Append(CultureInfo.InvariantCulture, $"{(Test is null ? "" : $", {counts.Test} to test with")}.\n");
        AtomicFile.WriteAllText(Path.Combine(Folder, Card), text.ToString());

        void AddSplit(string name, string file)
        {
            string path = Path.GetRelativePath(Folder, file).Replace('\\', '/');
            text.Append(CultureInfo.InvariantCulture, $"  - split: {name}\n    path: {path}\n");
        }
    }
}
