using Lapidary.Tests;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Tests.Checkpoints;

public sealed class ReplacedRunTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Each of them alone is enough: what a run has saved is not to be written over.</summary>
    [Theory]
    [InlineData("checkpoint-3/trainer_state.json", true)]
    [InlineData("adapter_model.safetensors", true)]
    [InlineData("trainer_state.json", true)]
    [InlineData("run.yaml", false)]
    [InlineData("checkpoint-notes/adapter_model.safetensors", false)]
    public void IsIn_FindsWhatARunHasSaved(string name, bool expected)
    {
        Assert.False(ReplacedRun.IsIn(_folder, TrainingMethod.Lora));
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        Assert.Equal(expected, ReplacedRun.IsIn(_folder, TrainingMethod.Lora));
    }
}
