using Lapidary.Cli.Tests.Evaluation;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Asking;

/// <summary>A tiny model with an adapter that has learnt one answer to all questions: how many pets there are.</summary>
internal static class TaughtModel
{
    public const string Sql = "SELECT COUNT(*) FROM pets";

    private static readonly Lazy<string> Trained = new(() =>
    {
        string folder = Fixtures.TemporaryFolder();
        string rows = SqlModel.Write(folder, "rows.jsonl", SqlModel.Rows.Select(row => row with { Sql = Sql }));
        CliRun.Of(
            "train", "--model", SqlModel.Folder, "--dataset", rows, "--template", "text-to-sql", "--max-steps", "60", "--learning-rate",
            "4e-3", "--max-grad-norm", "1", "--gradient-accumulation-steps", "1", "--assistant-only-loss", "--packing", "false",
            "--lora-dropout", "0", "--save-strategy", "no", "--threads", "1", "--device", "cpu", "--output-dir",
            Path.Combine(folder, "adapter")).Ok();
        return Path.Combine(folder, "adapter");
    });

    /// <summary>The options that choose it.</summary>
    public static string[] Options => ["--model", SqlModel.Folder, "--adapter", Trained.Value, "--threads", "1", "--device", "cpu"];
}
