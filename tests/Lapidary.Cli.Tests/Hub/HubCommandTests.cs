using Lapidary.TestHub;

namespace Lapidary.Cli.Tests.Hub;

/// <summary>login, logout, whoami, download, upload and cache: what they do, print and return.</summary>
public class HubCommandTests
{
    [Fact]
    public async Task Login_SavesATokenThatTheHubKnows()
    {
        await using var hub = await HubRun.StartAsync();
        string file = hub.Folder["home/token"];
        hub.RunWith(HubTokens.Bad + "\n", "login").AssertError(1, "token");
        Assert.False(File.Exists(file));
        hub.Run("whoami").AssertError(1, "login");

        var login = hub.RunWith(HubTokens.Write + "\n", "login").Ok();
        Assert.Equal(HubTokens.Write, File.ReadAllText(file));
        Assert.Equal("logged in  ada, of acme (token \"ada-write\", write)\n", login.Out);
        Assert.Equal("ada", hub.Run("whoami", "--json").Ok().Json.GetProperty("name").GetString());
        Assert.StartsWith("ada, of acme", hub.Run("whoami").Ok().Out, StringComparison.Ordinal);

        Assert.Contains("logged out", hub.Run("logout").Ok().Out, StringComparison.Ordinal);
        Assert.False(File.Exists(file));
        Assert.Contains("nobody was logged in", hub.Run("logout").Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_AsksWithoutShowingTheAnswer()
    {
        await using var hub = await HubRun.StartAsync();
        var asked = new List<(string Question, bool IsSecret)>();
        hub.Ask = (question, isSecret) =>
        {
            asked.Add((question, isSecret));
            return HubTokens.Read;
        };
        var run = hub.Run("login", "--json").Ok();
        Assert.Equal("ada", run.Json.GetProperty("name").GetString());
        var (text, secret) = Assert.Single(asked);
        Assert.Contains($"{hub.Server.ApiUrl}/settings/tokens", text, StringComparison.Ordinal);
        Assert.True(secret);
        Assert.DoesNotContain(HubTokens.Mark, run.Out + run.Error, StringComparison.Ordinal);
        hub.RunWith(HubTokens.Write, "login", "--token", "-").Ok();
        Assert.Single(asked);
    }

    [Fact]
    public async Task Download_PrintsTheFolderAsJson()
    {
        await using var hub = await HubRun.StartAsync();
        var run = hub.Run("download", HubRun.Model, "--json").Ok();
        Assert.Equal("", run.Error);
        var json = run.Json;
        string commit = hub.Server.Find(HubRun.Model)!.Head.Oid;
        Assert.Equal(commit, json.GetProperty("commit").GetString());
        Assert.Equal(
            Path.Combine(hub.Cache, "models--google--gemma-3-1b-pt", "snapshots", commit), json.GetProperty("path").GetString());
        var files = hub.Server.Find(HubRun.Model)!.Head.Files.Values;
        Assert.Equal(files.Count(), json.GetProperty("files").GetInt32());
        Assert.Equal(files.Sum(file => file.Size), json.GetProperty("bytes").GetInt64());
        Assert.Equal(run.Out, hub.Offline("pull", HubRun.Model, "--json").Ok().Out);
        Assert.Equal(["path", "commit", "files", "bytes"], json.EnumerateObject().Select(member => member.Name));
        hub.AssertNoViolations();
    }

    [Fact]
    public async Task Download_ChoosesFiles_Revision_AndFolder()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Server.Find(HubRun.Model)!.SetTag("v1");
        hub.Server.Find(HubRun.Model)!.AddFile("config.json", "{}");
        string folder = hub.Folder["here"];
        var json = hub.Run(
            "download", HubRun.Model, "--revision", "v1", "--include", "*.json", "--include", "README*", "--exclude", "tokenizer*",
            "--local-dir", folder, "--json").Ok().Json;
        Assert.Equal(folder, json.GetProperty("path").GetString());
        Assert.Equal(
            ["README.md", "config.json"],
            Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal).Where(name => name![0] != '.'));
        Assert.Contains("model_type", File.ReadAllText(Path.Combine(folder, "config.json")), StringComparison.Ordinal);
        hub.Run("download", HubRun.Model + "@v1", "--revision", "main").AssertError(2, "one revision");
        hub.Run("download", HubRun.Model, "--include", "*.nothing").AssertError(1, "*.nothing");
    }

    [Fact]
    public async Task Download_SaysWhatComesNext()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Server.AddRepository("ada/rows", HubRepoKind.Dataset, repository => repository.AddFile("train.jsonl", "{\"text\": \"a\"}"));
        Assert.Contains(
            $"next       lapidary generate --model {HubRun.Model} --", hub.Run("download", HubRun.Model).Ok().Out,
            StringComparison.Ordinal);
        Assert.Contains(
            $"next       lapidary generate --adapter {HubRun.Adapter} --prompt 'The lapidary cuts",
            hub.Run("download", HubRun.Adapter).Ok().Out, StringComparison.Ordinal);
        Assert.Contains(
            "--dataset ada/rows --preview\n", hub.Run("download", "ada/rows", "--repo-type", "dataset").Ok().Out, StringComparison.Ordinal);
        hub.Run("download", "ada/rows").AssertError(1, "ada/rows", "token", "login", "private", "--repo-type dataset");
        Assert.DoesNotContain(
            "--repo-type", hub.Run("download", "ada/none", "--repo-type", "model").Error, StringComparison.Ordinal);
        hub.Run("download", "a b").AssertError(1, "expected an id");
        hub.Run("download").AssertError(2);
    }

    [Fact]
    public async Task Upload_SendsWhatIsNewOrChanged()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Token = HubTokens.Write;
        string folder = hub.Folder["up"];
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "a.txt"), "a");
        File.WriteAllBytes(Path.Combine(folder, "b.safetensors"), [0, 1, 2, 3]);
        var json = hub.Run("upload", folder, "ada/new", "--private", "--commit-message", "First", "--json").Ok().Json;
        var repository = hub.Server.Find("ada/new")!;
        Assert.True(repository.IsPrivate);
        Assert.Equal(("First", repository.Head.Oid), (repository.Head.Title, json.GetProperty("commit").GetString()));
        Assert.Equal($"{hub.Server.ApiUrl}/ada/new", json.GetProperty("url").GetString());
        Assert.Equal(["url", "commit"], json.EnumerateObject().Select(member => member.Name));

        string head = repository.Head.Oid;
        Assert.Contains("all of them there already", hub.Run("push", folder, "ada/new").Ok().Out, StringComparison.Ordinal);
        Assert.Equal(head, repository.Head.Oid);
        hub.Run("upload", hub.Folder["none"], "ada/new").AssertError(1, "none", "expected a folder");
        hub.Run("upload", "ada/new", folder).AssertError(1, "the folder comes first", "lapidary upload");
        hub.Token = HubTokens.Read;
        File.WriteAllText(Path.Combine(folder, "a.txt"), "b");
        hub.Run("upload", folder, "ada/new").AssertError(1, "token");
        hub.Token = null;
        hub.Run("upload", folder, "ada/new", "--json").AssertError(1, "token");

        // A run's folder: a refusal is one line, and what it holds is said where it is sent.
        foreach (string name in (string[])["run.yaml", "trainer_state.json", "adapter_config.json"])
            File.WriteAllText(Path.Combine(folder, name), "{}");
        hub.Run("upload", folder, "ada/new").AssertError(1, "token");
        Assert.DoesNotContain("note", hub.Run("upload", folder, "ada/new").Error, StringComparison.Ordinal);
        hub.Token = HubTokens.Write;
        Assert.Contains("--exclude run.yaml", hub.Run("upload", folder, "ada/new").Ok().Error, StringComparison.Ordinal);
        hub.AssertNoViolations();
    }

    [Fact]
    public async Task Cache_ListsAndPrunes()
    {
        await using var hub = await HubRun.StartAsync();
        Assert.Contains("0 repositories", hub.Run("cache").Ok().Out, StringComparison.Ordinal);
        hub.Run("download", HubRun.Model).Ok();
        hub.Server.Find(HubRun.Model)!.AddFile("README.md", "# Other");
        hub.Run("download", HubRun.Model).Ok();
        var list = hub.Run("cache", "list", "--json").Ok().Json;
        var repository = Assert.Single(list.GetProperty("repositories").EnumerateArray());
        Assert.Equal(HubRun.Model, repository.GetProperty("id").GetString());
        Assert.Equal(2, repository.GetProperty("commits").GetArrayLength());
        Assert.Equal(hub.Server.Find(HubRun.Model)!.Head.Oid, repository.GetProperty("refs").GetProperty("main").GetString());
        Assert.Contains("1 commit without a name", hub.Run("cache").Ok().Out, StringComparison.Ordinal);

        hub.Run("cache", "prune").AssertError(1, "1 commit that", "1 file that", "--yes");
        hub.Ask = (_, _) => "n";
        Assert.Contains("nothing was removed", hub.Run("cache", "prune").Ok().Out, StringComparison.Ordinal);
        hub.Ask = null;
        var pruned = hub.Run("cache", "prune", "--yes", "--json").Ok().Json;
        Assert.Equal((1, 1), (pruned.GetProperty("commits").GetInt32(), pruned.GetProperty("blobs").GetInt32()));
        Assert.Contains("nothing to remove", hub.Run("cache", "prune").Ok().Out, StringComparison.Ordinal);
        string rows = TinyModel.WriteRows(hub.Folder.Path, TinyModel.Runs(2));
        hub.Offline("score", "--model", HubRun.Model, "--dataset", rows, "--threads", "1").Ok();
        hub.Run("cache", "tidy").AssertError(2, "expected list, rm or prune");
        hub.Run("cache", "--yes").AssertError(2, "--yes");
    }

    [Fact]
    public async Task Rm_RemovesARepository_AndAsksFirst()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Run("download", HubRun.Model).Ok();
        hub.Run("cache", "rm", "google/gemma-3-1b-ptt").AssertError(1, "is not in the cache", $"did you mean {HubRun.Model}?");
        hub.Run("cache", "rm", HubRun.Model + "@main").AssertError(1, "leave the revision out");
        hub.Run("cache", "rm", HubRun.Model, "--repo-type", "dataset").AssertError(1, "is not in the cache");
        hub.Run("cache", "rm", HubRun.Model).AssertError(1, $"cache rm would remove model {HubRun.Model}: ", "iB;", "--yes");
        hub.Ask = (_, _) => "n";
        Assert.Contains("nothing was removed", hub.Run("cache", "rm", HubRun.Model).Ok().Out, StringComparison.Ordinal);
        hub.Ask = (_, _) => "y";
        Assert.Contains($"removed    model {HubRun.Model}: ", hub.Run("cache", "rm", HubRun.Model).Ok().Out, StringComparison.Ordinal);
        Assert.StartsWith("0 repositories", hub.Run("cache").Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnInterruptedDownload_GoesOn()
    {
        await using var hub = await HubRun.StartAsync();
        using var stop = new CancellationTokenSource();
        hub.Server.Add(HubFault.Before("*/resolve/*/model.safetensors", _ => stop.Cancel()));
        var run = CliRun.OnHub(hub.Options, ["download", HubRun.Model, "--json"], interrupted: stop.Token);
        Assert.Equal(130, run.ExitCode);
        Assert.Equal("", run.Out);
        Assert.Contains("kept: run the same command again", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
        hub.Run("download", HubRun.Model, "--json").Ok();
    }
}
