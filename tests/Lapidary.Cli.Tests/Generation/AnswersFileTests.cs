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

    /// <summary>What a killed process left goes with the next run of the same output; another file's stays, and so do names that this
    /// program does not give.</summary>
    [Fact]
    public void WhatAKilledProcessLeft_IsDeleted()
    {
        string[] others = ["o.jsonl.partial.json.tmp-", "o.jsonl.partial.json.tmp-mine", "other.jsonl.partial.json.tmp-abcdefghijk"];
        foreach (string name in (string[])[.. others, "o.jsonl.partial.json.tmp-abcdefghijk"]) File.WriteAllText(_folder[name], "");
        AnswersFile.Open(Output, resume: false, "mine").Dispose();
        Assert.Equal(others, Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BesideACompleteFile_WhatAKilledProcessLeft_IsDeleted(bool resume)
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[2, 9]]);
        string[] command =
        [
            "generate", "--model", TinyModel.Folder, "--dataset", rows, "--max-new-tokens", "2", "--output", Output, "--device", "cpu",
        ];
        CliRun.Of(command).Ok();
        File.WriteAllText(About, "mine");
        File.WriteAllText(About + ".tmp-abcdefghijk", "mi");
        if (resume) CliRun.Of([.. command, "--resume"]).Ok();
        else CliRun.Of(command).AssertError(1, "is there already");
        Assert.Equal(["o.jsonl", "rows.jsonl"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
