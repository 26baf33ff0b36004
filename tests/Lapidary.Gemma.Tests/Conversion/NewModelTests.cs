using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Conversion;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A model is in its folder as a whole or not at all, whenever the process that writes it ends.</summary>
public sealed class NewModelTests : IDisposable
{
    private const string Config = "config.json", Weights = "model.safetensors", Shard = "model-00001-of-00002.safetensors";

    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Publish_ReplacesTheOldModelAndNothingElse()
    {
        Put(("README.md", "mine"), (Config, "old"), (Shard, "old"), ("tokenizer.model", "old"), ("checkpoint-notes.tmp-mine/a", "mine"));
        using (var model = NewModel.Open(_folder, overwrite: true))
        {
            Put((".lapidary.new/config.json", "new"), (".lapidary.new/model.safetensors", "new"));
            Assert.Equal("old", Read(Config));
            model.Publish();
        }

        Holds(("README.md", "mine"), (Config, "new"), (Weights, "new"), ("checkpoint-notes.tmp-mine/a", "mine"));
    }

    [Fact]
    public void Dispose_WithoutPublish_LeavesTheOldModel()
    {
        Put((Config, "old"), (Weights, "old"));
        using (NewModel.Open(_folder, overwrite: true)) Put((".lapidary.new/config.json", "new"));
        Holds((Config, "old"), (Weights, "old"));
    }

    [Fact]
    public void Open_RefusesAModelThatMayNotBeReplaced_AndAFolderInUse()
    {
        Put(("adapter_model.safetensors", "old"));
        Refuses("already holds a model; choose another output, or set Overwrite to true");
        using var run = FolderLock.Acquire(_folder);
        Refuses("in use by process");

        void Refuses(string words) => Assert.Contains(
            words, Assert.Throws<LapidaryException>(() => NewModel.Open(_folder, overwrite: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_DeletesWhatWasBeingWritten()
    {
        Put((Config, "old"), (".lapidary.new/config.json", "half"), (".lapidary.new/model.safetensors.tmp-abc", "half"));
        using (var model = NewModel.Open(_folder, overwrite: true)) Assert.Empty(Directory.GetFileSystemEntries(model.Folder));
        Holds((Config, "old"));
    }

    [Fact]
    public void Open_BringsBackWhatWasBeingMovedAside()
    {
        Put((".lapidary.old/config.json", "old"), (Weights, "old"), (".lapidary.new/config.json", "new"));
        Open();
        Holds((Config, "old"), (Weights, "old"));
    }

    [Fact]
    public void Open_MovesUpWhatWasBeingMovedUp()
    {
        Put((".lapidary.old/config.json", "old"), (Weights, "new"), (".lapidary.ready/config.json", "new"), (".lapidary.ready/a", "new"));
        Open();
        Holds((Config, "new"), (Weights, "new"), ("a", "new"));
    }

    [Fact]
    public void Open_DeletesTheOldModelWhereTheNewOneIsInPlace()
    {
        Put((Config, "new"), (Weights, "new"), (".lapidary.old/config.json", "old"));
        Open();
        Holds((Config, "new"), (Weights, "new"));
    }

    /// <summary>config.json goes first, so that a move that fails leaves no half of the old model behind.</summary>
    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    [InlineData("c")]
    public void Publish_ThatCannotMoveTheOldModelAside_LeavesIt(string obstacle)
    {
        string[] names = [.. "abc".Select(letter => $"model-0000{letter - 'a' + 1}-of-00003.safetensors")];
        (string, string)[] old = [(Config, "old"), .. names.Select(name => (name, "old"))];
        Put(old);
        using (var model = NewModel.Open(_folder, overwrite: true))
        {
            Put((".lapidary.new/config.json", "new"), (".lapidary.new/model.safetensors", "new"));
            Directory.CreateDirectory(Path.Combine(_folder, ".lapidary.old", names[obstacle[0] - 'a']));
            Assert.StartsWith(_folder + ": ", Assert.Throws<LapidaryException>(model.Publish).Message, StringComparison.Ordinal);
        }

        Holds(old);
    }

    [Fact]
    public void Publish_ThatCannotTakeTheFolder_BringsTheOldModelBack()
    {
        Put((Config, "old"), (Weights, "old"), (".lapidary.ready", "a file"));
        using (var model = NewModel.Open(_folder, overwrite: true))
        {
            Put((".lapidary.new/config.json", "new"));
            Assert.Throws<LapidaryException>(model.Publish);
        }

        Holds((Config, "old"), (Weights, "old"), (".lapidary.ready", "a file"));
    }

    /// <summary>config.json comes last: while a part is missing there is no model, and the next process goes on.</summary>
    [Theory]
    [InlineData(".lapidary.ready", "new")]
    [InlineData(".lapidary.old", "old")]
    public void Open_ThatCannotMoveAllUp_LeavesNoConfig(string from, string text)
    {
        Put(($"{from}/config.json", text), ($"{from}/model.safetensors", text));
        Directory.CreateDirectory(Path.Combine(_folder, Weights));
        Assert.Throws<LapidaryException>(Open);
        Assert.False(File.Exists(Path.Combine(_folder, Config)));

        Directory.Delete(Path.Combine(_folder, Weights));
        Open();
        Holds((Config, text), (Weights, text));
    }

    private void Open() => NewModel.Open(_folder, overwrite: true).Dispose();

    private void Put(params (string Name, string Text)[] files)
    {
        foreach (var (name, text) in files)
        {
            string path = Path.Combine(_folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
    }

    private string Read(string name) => File.ReadAllText(Path.Combine(_folder, name));

    private void Holds(params (string Name, string Text)[] files)
    {
        var found = Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(_folder, file).Replace('\\', '/')).Order(StringComparer.Ordinal);
        Assert.Equal(files.Select(file => file.Name).Order(StringComparer.Ordinal), found);
        Assert.All(files, file => Assert.Equal(file.Text, Read(file.Name)));
        Assert.DoesNotContain(Directory.GetDirectories(_folder), folder => Path.GetFileName(folder).StartsWith('.'));
    }
}
