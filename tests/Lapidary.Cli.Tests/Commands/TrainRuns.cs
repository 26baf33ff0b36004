using Lapidary.Training;

namespace Lapidary.Cli.Tests.Commands;

/// <summary>A folder for runs of train, which goes away with its test.</summary>
public abstract class TrainRuns : IDisposable
{
    private protected readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A run that takes a moment: short rows, few adapters, nothing recomputed.</summary>
    private protected string[] Args(string output, int rows = 8, string? dataset = null) =>
    [
        "train", "--model", TinyModel.Folder, "--dataset", dataset ?? Rows(rows), "--output-dir", _folder[output], "--threads", "1",
        "--packing", "false", "--max-length", "16", "--target-modules", "q_proj,v_proj", "--modules-to-save", "none",
        "--gradient-checkpointing", "false", "--learning-rate", "5e-3", "--logging-steps", "1",
    ];

    /// <summary>The same for all weights.</summary>
    private protected string[] Full(string output) =>
    [
        "train", "--method", "full", "--model", TinyModel.Folder, "--dataset", Rows(8), "--output-dir", _folder[output], "--threads", "1",
        "--packing", "false", "--max-length", "16", "--gradient-checkpointing", "false", "--learning-rate", "1e-3", "--logging-steps", "1",
    ];

    private protected string Rows(int count) => TinyModel.WriteRows(_folder.Path, TinyModel.Runs(count), $"{count} rows #1.jsonl");

    private protected TrainerState State(string output) => TrainerState.Read(_folder[output]);

    private protected string[] Contents(string output) =>
    [
        .. Directory.GetFiles(_folder[output], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => file + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))),
    ];

    private protected byte[] Adapter(string output) => File.ReadAllBytes(Path.Combine(_folder[output], "adapter_model.safetensors"));
}
