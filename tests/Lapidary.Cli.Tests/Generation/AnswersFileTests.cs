using Lapidary.Cli.Generation;
using Lapidary.Formats;

namespace Lapidary.Cli.Tests.Generation;

/// <summary>One process writes a file of answers at a time, and a file has the answers of one model and one set of options.</summary>
public sealed class AnswersFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Output => _folder["o.jsonl"];

    private string Partial => Output + ".partial";

    private string About => Output + ".partial.json";

    public void Dispose() => _folder.Dispose();

    /// <summary>Of two that begin at the same time, the one that is refused leaves no trace: what the file is said to depend on is what
    /// the other one's answers depend on.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OfTwoThatBegin_OneWrites_AndTheOtherChangesNothing(bool resume)
    {
        string[] who = ["seed 5", "seed 6"];
        for (int round = 0; round < 100; round++)
        {
            using var together = new Barrier(who.Length);
            var files = new AnswersFile?[who.Length];
            var threads = who.Select((identity, i) => new Thread(() =>
            {
                together.SignalAndWait();
                try
                {
                    files[i] = AnswersFile.Open(Output, resume, identity);
                }
                catch (LapidaryException)
                {
                    files[i] = null;
                }
            })).ToArray();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();
            int winner = Array.FindIndex(files, file => file is not null);
            Assert.Single(files, file => file is not null);
            Assert.Equal(who[winner], File.ReadAllText(About));
            files[winner]!.Dispose();
            Assert.Empty(Directory.GetFiles(_folder.Path));
        }
    }

    /// <summary>What a killed process began and never answered is nobody's: it is begun anew with any options.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("{\"output\":")]
    public void AFileWithoutAnAnswer_RefusesNobody(string text)
    {
        File.WriteAllText(Partial, text);
        File.WriteAllText(About, "another's");
        using (var file = AnswersFile.Open(Output, resume: false, "mine"))
        {
            Assert.Equal(0, file.Rows);
            Assert.Equal("mine", File.ReadAllText(About));
            file.Append(["{}\n"u8.ToArray()]);
        }

        Assert.Equal("{}\n", File.ReadAllText(Partial));
    }

    /// <summary>The same command succeeds once there is space: nothing is left of a file whose first answer had none.</summary>
    [Fact]
    public void AFullDiskAtTheFirstAnswer_LeavesNothing()
    {
        using var disk = SmallDisk.Mount(_folder["disk"]);
        string output = _folder["disk/o.jsonl"], other = _folder["disk/other"];
        using (var file = AnswersFile.Open(output, resume: false, "mine")) // which takes a page
        {
            File.WriteAllBytes(other, new byte[SmallDisk.PageBytes]);
            byte[] line = "{\"output\": \"SELECT 1\"}\n"u8.ToArray();
            Assert.Contains("disk is full", Assert.Throws<LapidaryException>(() => file.Append([line])).Message, StringComparison.Ordinal);
        }

        Assert.Equal([other], Directory.GetFiles(_folder["disk"]));
        File.Delete(other);
        AnswersFile.Open(output, resume: false, "mine").Dispose();

        // Nor of one that has no room for what its answers depend on.
        File.WriteAllBytes(other, new byte[2 * SmallDisk.PageBytes]);
        Assert.Throws<LapidaryException>(() => AnswersFile.Open(output, resume: false, "mine"));
        Assert.Equal([other], Directory.GetFiles(_folder["disk"]));
    }

    /// <summary>A file that this program has said nothing of is left as it is.</summary>
    [Fact]
    public void AnotherProgramsFile_Stays()
    {
        File.WriteAllText(Partial, "a text without an end");
        foreach (bool resume in (bool[])[true, false])
            Assert.Throws<LapidaryException>(() => AnswersFile.Open(Output, resume, "mine"));
        Assert.Equal("a text without an end", File.ReadAllText(Partial));
        Assert.False(File.Exists(About));
    }
}
