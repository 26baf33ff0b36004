using Lapidary.Cli.CommandLine;
using Lapidary.Formats;

namespace Lapidary.Cli.Data;

/// <summary>How many rows data prepare read, left out and wrote.</summary>
internal sealed class PreparedCounts
{
    public int Read { get; set; }

    public int Duplicates { get; set; }

    public int TooLong { get; set; }

    public int Leaks { get; set; }

    public int Train { get; set; }

    public int Test { get; set; }

    /// <summary>Reports what was done, and what comes next.</summary>
    public void Report(CommandRun run, PreparedFiles files, IEnumerable<string> sources) => run.PrintSummary(
        json =>
        {
            json.WriteNumber("rows", Read);
            json.WriteNumber("duplicate_rows", Duplicates);
            json.WriteNumber("too_long_rows", TooLong);
            json.WriteNumber("leaked_rows", Leaks);
            json.WriteNumber("train_rows", Train);
            json.WriteString("train_output", files.Train);
            if (files.Test is null) return;
            json.WriteNumber("test_rows", Test);
            json.WriteString("test_output", files.Test);
        },
        text =>
        {
            text.WriteLine($"read       {string.Join(", ", sources)}: {Amount.Of(Read, "row")}");
            if (Duplicates > 0) text.WriteLine($"left out   {Duplicates} with prompt and answer of an earlier row");
            if (TooLong > 0) text.WriteLine($"left out   {TooLong} longer than --max-length");
            if (Leaks > 0) text.WriteLine($"left out   {Amount.Of(Leaks, "test row")} whose prompt is in the training rows");
            WriteFile(text, "train", files.Train, Train);
            if (files.Test is not null) WriteFile(text, "test", files.Test, Test);
            string data = ShellText.Quote(files.Folder ?? files.Train);
            string evaluation = files.Test is null ? "" : $" --eval-dataset {data}";
            text.WriteLine($"next       lapidary data inspect {data} --row 1");
            text.WriteLine($"           lapidary train --model google/gemma-3-1b-pt --tokenizer google/gemma-3-1b-it "
                + $"--dataset {data}{evaluation}");
        });

    private static void WriteFile(TextWriter text, string split, string path, int rows) =>
        text.WriteLine($"{split,-11}{path}: {Amount.Of(rows, "row")}, {ByteSize.Format(new FileInfo(path).Length)}");
}
