using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Save_OverACheckpoint_ThatCannotBeWritten_KeepsIt()
    {
        Store().Save(4, folder => Write(folder, "old"), best: null);

        Assert.Throws<LapidaryException>(() => Store().Save(4, _ => throw new IOException("No space left on device"), best: null));

        Assert.Equal("old", Read("checkpoint-4"));
        Assert.Equal(["checkpoint-4"], Names());

        // Nor where the new one is lost on its way to its name.
        Assert.Throws<LapidaryException>(() => Store().Save(4, folder => Directory.Delete(folder), best: null));
        Assert.Equal("old", Read("checkpoint-4"));
        Assert.Equal(["checkpoint-4"], Names());
        Store().Save(4, folder => Write(folder, "new"), best: null);
        Assert.Equal("new", Read("checkpoint-4"));
        Assert.Equal(["checkpoint-4"], Names());
    }

    [Fact]
    public void Save_BeyondTheLimit_KeepsTheBestAndTheOneJustSaved()
    {
        foreach (int step in new[] { 2, 6, 8 }) Store().Save(step, folder => Write(folder, "x"), best: null);

        Store(limit: 2).Save(3, folder => Write(folder, "x"), best: "checkpoint-2"); // of a run that went on from an earlier checkpoint

        Assert.Equal(["checkpoint-2", "checkpoint-3"], Names());
        Store(limit: 1).Save(5, folder => Write(folder, "x"), best: "checkpoint-2");
        Assert.Equal(["checkpoint-2", "checkpoint-5"], Names());
    }

    [Fact]
    public void All_AreInTheOrderOfTheirSteps()
    {
        int[] steps = [10, 2, 9, 100, 1, 30];
        foreach (int step in steps) Store().Save(step, folder => Write(folder, "x"), best: null);
        Assert.Equal(steps.Order(), Store().All().Select(checkpoint => checkpoint.Step));
        Assert.Equal(Path.Combine(_folder, "checkpoint-100"), Store().Latest);

        Store(limit: 2).Save(101, folder => Write(folder, "x"), best: null);
        Assert.Equal(["checkpoint-100", "checkpoint-101"], Names());
    }

    [Fact]
    public void Latest_ChangesNothing_AndRepair_TouchesOurNamesAlone()
    {
        string[] strangers = ["checkpoint-notes.tmp-mine", "checkpoint-4.tmp-mine", "checkpoint-x", "replaced-x", "other"];
        string[] left = ["checkpoint-5.tmp-0a1b2c3d", "checkpoint-4.old-0a1b2c3d", "checkpoint-3.old-0a1b2c3d", "checkpoint-4"];
        foreach (string name in strangers.Concat(left)) Write(Directory.CreateDirectory(Path.Combine(_folder, name)).FullName, name);

        Assert.Equal(Path.Combine(_folder, "checkpoint-4"), Store().Latest);
        Assert.Equal(strangers.Concat(left).Order(StringComparer.Ordinal), Names());

        Store().Repair();
        Assert.Equal(strangers.Concat(["checkpoint-4", "checkpoint-3"]).Order(StringComparer.Ordinal), Names());
        Assert.Equal("checkpoint-4", Read("checkpoint-4"));
        Assert.Equal("checkpoint-3.old-0a1b2c3d", Read("checkpoint-3"));
    }

    [Fact]
    public void Repair_DeletesUnfinishedFilesOfARun_AndNoOthers()
    {
        const string Random = ".tmp-0a1b2c3d4e5";
        string[] left = ["manifest.json", "run.yaml", "README.md", "adapter_model.safetensors", "model.safetensors", "tokenizer.json"];
        string[] kept = ["notes.txt" + Random, "manifest.json.tmp-mine", "manifest.json"];
        foreach (string name in left.Select(name => name + Random).Concat(kept)) File.WriteAllText(Path.Combine(_folder, name), "x");

        Store().Repair();

        Assert.Equal(kept.Order(), Directory.GetFiles(_folder).Select(Path.GetFileName).Order());
    }

    private CheckpointStore Store(int limit = 0) => new(_folder, limit);

    private string[] Names() =>
        [.. Directory.GetDirectories(_folder).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    private static void Write(string folder, string text) => File.WriteAllText(Path.Combine(folder, "file"), text);

    private string Read(string name) => File.ReadAllText(Path.Combine(_folder, name, "file"));
}
