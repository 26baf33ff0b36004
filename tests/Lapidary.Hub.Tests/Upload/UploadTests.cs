using Lapidary.Formats;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests.Upload;

public sealed class UploadTests : UploadTest
{
    [Fact]
    public async Task ANewFolder_IsOneCommit_OfARepositoryThatIsMade()
    {
        Write("config.json", "{}");
        Write("sub/odd #%? é.txt", "text");
        Write("empty.txt", "");
        byte[] small = Bytes(200_000), large = Bytes(450_001, seed: 2);
        Write("a.safetensors", small);
        Write("b.safetensors", large);
        Write("copy.safetensors", large);
        var seen = new List<TransferProgress>();
        var result = await UploadAsync(new UploadOptions { Private = true, Progress = new Into(seen) });

        Assert.Equal($"{Server.ApiUrl}/ada/tiny", result.Url);
        Assert.Equal(There().Head.Oid, result.Commit);
        Assert.True(There().IsPrivate);
        Assert.Equal((6, 6, 1_100_008L), (result.Files, result.TransferredFiles, result.Bytes));
        Assert.Equal(
            ["a.safetensors", "b.safetensors", "config.json", "copy.safetensors", "empty.txt", "sub/odd #%? é.txt"], PathsThere());
        Assert.Equal(small, There().Head.Files["a.safetensors"].Content.ToArray());
        Assert.Equal(large, There().Head.Files["b.safetensors"].Content.ToArray());
        Assert.Equal("text", TextOf("sub/odd #%? é.txt"));
        Assert.Equal(1, Count("POST", "/commit/"));
        Assert.Equal("Upload folder using lapidary", There().Head.Title);
        Assert.Equal((6, 6), (seen[^1].Files, seen[^1].TotalFiles));
        Assert.Equal(1_100_008L, seen[^1].TotalBytes);
        Assert.Equal(0, Count("GET", "whoami"));
    }

    [Fact]
    public async Task WhatIsThereAlready_IsNotSent()
    {
        Write("config.json", "{}");
        Write("model.safetensors", Bytes(200_000));
        var first = await UploadAsync();
        Server.ClearLog();
        var second = await UploadAsync();
        Assert.Equal(first.Commit, second.Commit);
        Assert.Equal((2, 0), (second.Files, second.TransferredFiles));
        Assert.Equal((0, 0, 0, 0), (Count("PUT", ""), Count("POST", "/commit/"), Count("POST", "/batch"), Count("POST", "create")));

        Write("config.json", "{ }");
        var third = await UploadAsync();
        Assert.Equal(1, third.TransferredFiles);
        Assert.NotEqual(first.Commit, third.Commit);
        Assert.Equal("Upload config.json with lapidary", There().Head.Title);
        Assert.Equal(0, Count("PUT", ""));
    }

    [Fact]
    public async Task FilesThatTheFolderLacks_Stay()
    {
        Server.AddRepository(Repo.Id).AddFile("old.txt", "old");
        Write("new.txt", "new");
        await UploadAsync(new UploadOptions { CommitMessage = "My words" });
        Assert.Equal(["new.txt", "old.txt"], PathsThere());
        Assert.Equal("My words", There().Head.Title);
    }

    [Fact]
    public async Task FilesOfTools_AreLeftOut()
    {
        Write("a.txt", "a");
        foreach (string path in (string[])
            [".git/config", "sub/.git/config", ".git.d/yes", ".cache/huggingface/x", "sub/.cache/huggingface/x", "b.txt.tmp-0a1b2c3d",
             "push.tmp-0a1b2c3d/x", ".lapidary.lock", ".lapidary.owner", ".gitignored"])
        {
            Write(path, "x");
        }

        await UploadAsync();
        Assert.Equal([".git.d/yes", ".gitignored", "a.txt"], PathsThere());

        Write(".cache/other/x", "x");
        Assert.Contains(".cache", (await FailAsync<LapidaryException>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PatternsChoose_AndOneThatMatchesNothing_IsAnError()
    {
        Write("a/b/c.txt", "c");
        Write("a/d.bin", "d");
        Write("e.txt", "e");
        await UploadAsync(new UploadOptions { Include = ["*.txt"], Exclude = ["e*"], PathInRepo = "./in/there/" });
        Assert.Equal(["in/there/a/b/c.txt"], PathsThere());
        var error = await FailAsync<LapidaryException>(new UploadOptions { Include = ["*.txt", "*.gguf"] });
        Assert.Contains("*.gguf", error.Message, StringComparison.Ordinal);
        await FailAsync<LapidaryException>(new UploadOptions { Exclude = ["*"] });
    }

    [Fact]
    public async Task LinksToFiles_AreTheFiles_AndLinksToFoldersAreNoted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        string blob = Path.Combine(Home, "blob");
        Directory.CreateDirectory(Home);
        File.WriteAllText(blob, "content");
        File.CreateSymbolicLink(Path.Combine(Source, "a.txt"), blob);
        Directory.CreateSymbolicLink(Path.Combine(Source, "home"), Home);
        await UploadAsync();
        Assert.Equal(["a.txt"], PathsThere());
        Assert.Equal("content", TextOf("a.txt"));
        Assert.Contains(Notes, note => note.Contains("link", StringComparison.Ordinal));

        File.CreateSymbolicLink(Path.Combine(Source, "nothing.txt"), Path.Combine(Home, "none"));
        Assert.Contains("nothing.txt", (await FailAsync<LapidaryException>()).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(Source, "nothing.txt"));
    }

    [Fact]
    public async Task ManyFiles_AreCommitsOfAHundred_AndQuestionsOf256()
    {
        for (int i = 0; i < 301; i++) Write($"{i:000}.txt", $"{i}");
        var result = await UploadAsync();
        Assert.Equal(301, result.TransferredFiles);
        Assert.Equal((2, 4), (Count("POST", "/preupload/"), Count("POST", "/commit/")));
        Assert.Equal("Upload folder using lapidary (part 4 of 4)", There().Head.Title);
        Assert.Equal(301, PathsThere().Length);
    }

    [Fact]
    public async Task GitIgnore_IsObeyed_AndSaid()
    {
        Write(".gitignore", "*.log\n");
        Write("a.log", "a");
        Write("b.txt", "b");
        var result = await UploadAsync();
        Assert.Equal([".gitignore", "b.txt"], PathsThere());
        Assert.Equal(2, result.Files);
        Assert.Contains(Notes, note => note.Contains("a.log", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ABranch_IsMade()
    {
        Server.AddRepository(Repo.Id);
        Write("a.txt", "a");
        await UploadAsync(new UploadOptions { Revision = "try/this" });
        Assert.NotNull(There().Find("try/this")!.Files.GetValueOrDefault("a.txt"));
        Assert.Empty(PathsThere());
    }

    [Fact]
    public async Task ADataSet_HasItsOwnPage()
    {
        Write("train.jsonl", "{}");
        var result = await UploadAsync(repo: new HubRepo(Repo.Id, RepoType.Dataset));
        Assert.Equal($"{Server.ApiUrl}/datasets/ada/tiny", result.Url);
        Assert.NotNull(There(HubRepoKind.Dataset).Head.Files.GetValueOrDefault("train.jsonl"));
    }

    [Fact]
    public async Task ANameWithoutOwner_IsTheAccounts()
    {
        Write("a.txt", "a");
        var result = await UploadAsync(repo: new HubRepo("tiny"));
        Assert.EndsWith("/ada/tiny", result.Url, StringComparison.Ordinal);
        Assert.Equal(["a.txt"], PathsThere());
        Assert.Equal(result.Commit, (await UploadAsync(repo: new HubRepo("tiny"))).Commit);
    }

    [Fact]
    public async Task CreateRepo_GivesThePage_OfOneThatIsThereToo()
    {
        using var client = new HubClient(Options);
        Assert.Equal($"{Server.ApiUrl}/ada/tiny", await client.CreateRepoAsync(Repo, isPrivate: true, Cancellation));
        Assert.Equal($"{Server.ApiUrl}/ada/tiny", await client.CreateRepoAsync(Repo, cancellation: Cancellation));
        Assert.True(There().IsPrivate);
    }

    [Fact]
    public async Task ACardThatTheHubRefuses_IsOneLine_AndNothingIsSent()
    {
        Write("README.md", "---\nlicense: mine\n---\n# Mine\n");
        Write("a.txt", "a");
        var error = await FailAsync<HubException>();
        Assert.Contains("README.md", error.Message, StringComparison.Ordinal);
        Assert.Contains("license", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", "/commit/"));
    }

    [Fact]
    public async Task OurOwnCard_IsTaken()
    {
        Write("README.md", Cards.ModelCardTests.Card.ToText());
        await UploadAsync();
        Assert.Equal(["README.md"], PathsThere());
    }

    [Fact]
    public async Task ACardOfTheCallers_IsAdded_OnlyWhereThereIsNone()
    {
        Write("a.txt", "a");
        var added = new UploadOptions { Card = Cards.ModelCardTests.Card.ToText() };
        var first = await UploadAsync(added);
        Assert.Equal(["README.md", "a.txt"], PathsThere());
        Assert.False(File.Exists(Path.Combine(Source, "README.md")));
        There().AddFile("README.md", "# Mine on the page\n");
        Assert.Equal(1, (await UploadAsync(added)).Files);
        Assert.Equal("# Mine on the page\n", TextOf("README.md"));
        Write("README.md", "# Mine here\n");
        await UploadAsync(added);
        Assert.Equal("# Mine here\n", TextOf("README.md"));
        Assert.Equal(2, first.Files);
    }

    private sealed class Into(List<TransferProgress> list) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => list.Add(value);
    }
}
