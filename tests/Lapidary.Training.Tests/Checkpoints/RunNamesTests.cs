using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Tests.Checkpoints;

public class RunNamesTests
{
    [Theory]
    [InlineData("checkpoint-4", 4)]
    [InlineData("checkpoint-0", 0)]
    [InlineData("checkpoint-04", null)]
    [InlineData("checkpoint--4", null)]
    [InlineData("checkpoint- 4", null)]
    [InlineData("checkpoint-notes", null)]
    [InlineData("checkpoint-99999999999", null)]
    [InlineData("Checkpoint-4", null)]
    public void StepOf_TakesOurNamesAlone(string name, int? step) => Assert.Equal(step, RunNames.StepOf(name));

    [Theory]
    [InlineData("checkpoint-4.tmp-0a1b2c3d", true)]
    [InlineData("checkpoint-4.tmp-mine", false)]
    [InlineData("checkpoint-notes.tmp-mine", false)]
    [InlineData("checkpoint-notes.tmp-0a1b2c3d", false)]
    [InlineData("checkpoint-4.tmp-0A1B2C3D", false)]
    [InlineData("checkpoint-4.tmp-0a1b2c3d.bak", false)]
    [InlineData("checkpoint-4", false)]
    public void IsTemporary_TakesOurNamesAlone(string name, bool isOurs) => Assert.Equal(isOurs, RunNames.IsTemporary(name));

    [Theory]
    [InlineData("checkpoint-4.old-0a1b2c3d", "checkpoint-4")]
    [InlineData("checkpoint-notes.old-0a1b2c3d", null)]
    [InlineData("notes.old-0a1b2c3d", null)]
    [InlineData("checkpoint-4.old-mine", null)]
    public void OriginalOfReplaced_TakesOurNamesAlone(string name, string? original) =>
        Assert.Equal(original, RunNames.OriginalOfReplaced(name));

    [Fact]
    public void NamesThatAreGiven_AreRecognized()
    {
        Assert.True(RunNames.IsTemporary(RunNames.TemporaryOf("checkpoint-7")));
        Assert.Equal("checkpoint-7", RunNames.OriginalOfReplaced(RunNames.ReplacedOf("checkpoint-7")));
        string aside = RunNames.NewAside();
        Assert.True(RunNames.IsAside(aside) && RunNames.IsPartOfAside(RunNames.PartOf(aside)) && !RunNames.IsAside(RunNames.PartOf(aside)));
    }
}
