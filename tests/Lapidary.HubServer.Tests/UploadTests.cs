using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lapidary.TestHub.Tests;

public class UploadTests
{
    private const string LfsType = "application/vnd.git-lfs+json";
    private const string Header = """{"key": "header", "value": {"summary": "s", "description": ""}}""";
    private static readonly byte[] Weights = RandomNumberGenerator.GetBytes(2500);
    private static readonly string Oid = Convert.ToHexStringLower(SHA256.HashData(Weights));

    [Fact]
    public async Task WholeWay_InOneAndInParts()
    {
        await using var server = await HubServer.StartAsync(
            HubServerOptions.ForLapidary with { MultipartFrom = 2000, PartBytes = 1000 }, Client.Cancel);
        using var client = new Client(server, HubTokens.Write);
        using var created = await client.PostAsync("/api/repos/create",
            """{"name": "m", "organization": "acme", "visibility": "private"}""");
        Assert.Equal($"{server.ApiUrl}/acme/m", (string)(await Client.JsonAsync(created))["url"]!);
        Assert.True(server.Find("acme/m")!.IsPrivate);
        string readme = "---\nlicense: gemma\n---\n";
        using var yaml = await client.PostAsync("/api/validate-yaml",
            new JsonObject { ["content"] = readme, ["repoType"] = "model" }.ToJsonString());
        Assert.Equal(HttpStatusCode.OK, yaml.StatusCode);

        byte[] small = Weights[..1500];
        string smallOid = Convert.ToHexStringLower(SHA256.HashData(small));
        var asked = await PreuploadAsync(client, ("README.md", System.Text.Encoding.UTF8.GetBytes(readme)), ("w.safetensors", Weights),
            ("b.bin", small), ("empty.bin", []));
        Assert.Equal(["regular", "lfs", "lfs", "regular"], asked.Select(file => (string)file!["uploadMode"]!));
        var objects = await BatchAsync(client, (Oid, 2500), (smallOid, 1500));
        var upload = objects[0]!["actions"]!["upload"]!;
        Assert.Equal("1000", (string)upload["header"]!["chunk_size"]!);
        var parts = new JsonArray();
        for (int part = 0; part < 3; part++)
        {
            using var put = await PutAsync(client, (string)upload["header"]![$"0000{part + 1}"]!,
                Weights[(1000 * part)..Math.Min(2500, 1000 * part + 1000)]);
            parts.Add(new JsonObject { ["partNumber"] = part + 1, ["etag"] = put.Headers.ETag!.ToString() });
        }

        using var complete = await client.PostAsync((string)upload["href"]!,
            new JsonObject { ["oid"] = Oid, ["parts"] = parts }.ToJsonString(), LfsType);
        Assert.Equal(HttpStatusCode.OK, complete.StatusCode);
        using var one = await PutAsync(client, (string)objects[1]!["actions"]!["upload"]!["href"]!, small);
        Assert.Equal(HttpStatusCode.OK, one.StatusCode);
        foreach (var (oid, size) in new[] { (Oid, 2500), (smallOid, 1500) })
        {
            using var verify = await client.PostAsync((string)objects[0]!["actions"]!["verify"]!["href"]!,
                new JsonObject { ["oid"] = oid, ["size"] = size }.ToJsonString());
            Assert.Equal(HttpStatusCode.OK, verify.StatusCode);
        }

        string head = server.Find("acme/m")!.Head.Oid;
        using var commit = await CommitAsync(client, $$$"""{"key": "header", "value": {"summary": "s", "parentCommit": "{{{head}}}"}}""",
            File("README.md", System.Text.Encoding.UTF8.GetBytes(readme)), File("empty.bin", []), Lfs("w.safetensors", Oid, 2500),
            Lfs("b.bin", smallOid, 1500));
        var answer = await Client.JsonAsync(commit);
        Assert.Equal($"{server.ApiUrl}/acme/m/commit/{server.Find("acme/m")!.Head.Oid}", (string)answer["commitUrl"]!);
        using var back = await client.DownloadAsync("/acme/m/resolve/main/w.safetensors");
        Assert.Equal(Weights, await back.Content.ReadAsByteArrayAsync(Client.Cancel));

        // What is there is not asked for again, and its hash is told.
        Assert.Null((await BatchAsync(client, (Oid, 2500)))[0]!["actions"]);
        Assert.Equal(Oid, (string)(await PreuploadAsync(client, ("w.safetensors", Weights)))[0]!["oid"]!);
        using var late = await CommitAsync(client, $$$"""{"key": "header", "value": {"summary": "s", "parentCommit": "{{{head}}}"}}""");
        Assert.Equal(HttpStatusCode.PreconditionFailed, late.StatusCode);
        using var again = await client.PostAsync("/api/repos/create", """{"name": "m", "organization": "acme"}""");
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.NotNull((await Client.JsonAsync(again))["url"]);
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task Commits_AreReadStrictly()
    {
        await using var server = await StartAsync();
        using var client = new Client(server, HubTokens.Write);
        await PreuploadAsync(client, ("a.txt", "a"u8.ToArray()), ("w.bin", Weights));
        var cases = new (string Text, string[] Lines)[]
        {
            ("the first line is the header", [File("a.txt", "a"u8.ToArray())]),
            ("the first line is the header", [Header, Header]),
            ("the summary is empty", ["""{"key": "header", "value": {"summary": " "}}"""]),
            ("unknown key \"author\"", ["""{"key": "header", "value": {"summary": "s", "author": "x"}}"""]),
            ("unknown key \"folder\"", [Header, """{"key": "folder", "value": {"path": "a"}}"""]),
            ("no JSON", [Header, "{"]),
            ("stands twice", [Header, File("a.txt", "a"u8.ToArray()), File("a.txt", "a"u8.ToArray())]),
            ("a segment is \"..\"", [Header, File("../a.txt", "a"u8.ToArray())]),
            ("a segment is \".git\"", [Header, File(".git/config", "a"u8.ToArray())]),
            ("is absolute", [Header, File("/a.txt", "a"u8.ToArray())]),
            ("no base64", [Header, """{"key": "file", "value": {"content": "%%%", "path": "a.txt", "encoding": "base64"}}"""]),
            ("was not in a preupload", [Header, File("new.txt", "a"u8.ToArray())]),
            ("preupload said lfs", [Header, File("w.bin", Weights)]),
            ("is not the file", [Header, File("a.txt", "b"u8.ToArray())]),
            ("was not uploaded", [Header, Lfs("w.bin", Oid, 2500)]),
            ("parentCommit", ["""{"key": "header", "value": {"summary": "s", "parentCommit": "xyz"}}"""]),
        };
        foreach (var (text, lines) in cases)
        {
            server.ClearLog();
            using var answer = await CommitAsync(client, lines);
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
            Assert.Contains(text, Assert.Single(server.Violations), StringComparison.Ordinal);
        }

        server.ClearLog();
        using var absent = await CommitAsync(client, Header, """{"key": "deletedFile", "value": {"path": "none"}}""");
        Assert.Equal(HttpStatusCode.NotFound, absent.StatusCode);
        Assert.Empty(server.Violations);
        using var good = await CommitAsync(client, Header, File("a.txt", "a"u8.ToArray()));
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        using var gone = await CommitAsync(client, Header, """{"key": "deletedFile", "value": {"path": "a.txt"}}""");
        Assert.Equal(HttpStatusCode.OK, gone.StatusCode);
        Assert.False(server.Find("acme/m")!.Head.Files.ContainsKey("a.txt"));
    }

    [Fact]
    public async Task CommitThatWasMade_AndWhoseAnswerWasLost_IsAConflictWhenItComesAgain()
    {
        await using var server = await StartAsync();
        using var client = new Client(server, HubTokens.Write);
        var repository = server.Find("acme/m")!;
        await PreuploadAsync(client, ("a.txt", "a"u8.ToArray()));
        string header = $$$"""{"key": "header", "value": {"summary": "s", "parentCommit": "{{{repository.Head.Oid}}}"}}""";
        server.Add(HubFault.LoseAnswer("POST */commit/main"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => CommitAsync(client, header, File("a.txt", "a"u8.ToArray())));
        Assert.True(repository.Head.Files.ContainsKey("a.txt"));
        using var again = await CommitAsync(client, header, File("a.txt", "a"u8.ToArray()));
        Assert.Equal(HttpStatusCode.PreconditionFailed, again.StatusCode);
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task Uploads_AreCheckedAgainstWhatWasAnnounced()
    {
        await using var server = await StartAsync();
        using var client = new Client(server, HubTokens.Write);
        await PreuploadAsync(client, ("w.bin", Weights));
        var actions = (await BatchAsync(client, (Oid, 2500)))[0]!["actions"]!;
        string url = (string)actions["upload"]!["href"]!;
        byte[] other = [.. Weights];
        other[7]++;
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(client, url, other)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(client, url, Weights[..100])).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync(url)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(client, url, Weights)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(client, url, Weights)).StatusCode);
        Assert.Collection(server.Violations,
            text => Assert.Contains("sha256", text, StringComparison.Ordinal),
            text => Assert.Contains("Content-Length is 100", text, StringComparison.Ordinal),
            text => Assert.Contains("signed for PUT", text, StringComparison.Ordinal),
            text => Assert.Contains("used again", text, StringComparison.Ordinal));
        using var commit = await CommitAsync(client, Header, Lfs("w.bin", Oid, 2500));
        Assert.Contains("verify was offered", server.Violations[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 401)]
    [InlineData(HubTokens.Read, 403)]
    [InlineData(HubTokens.Other, 403)]
    [InlineData(HubTokens.Bad, 401)]
    public async Task Writers_NeedTheRight(string? token, int status)
    {
        await using var server = await StartAsync();
        using var client = new Client(server, token);
        string[] urls = ["/api/models/acme/m/preupload/main", "/api/models/acme/m/commit/main", "/acme/m.git/info/lfs/objects/batch",
            "/api/repos/create", "/api/models/acme/m/branch/b"];
        foreach (string url in urls)
        {
            using var answer = await client.PostAsync(url, """{"name": "n", "organization": "acme"}""");
            Assert.Equal(status, (int)answer.StatusCode);
        }

        Assert.Empty(server.Violations);
    }

    [Theory]
    [InlineData("license: gemma\nlibrary_name: peft\nbase_model: google/gemma-3-1b-it\ntags:\n- lora", null)]
    [InlineData("license: mine", "\"license\" must be one of")]
    [InlineData("base_model: /home/me/model", "\"base_model\" with value \"/home/me/model\" is not valid")]
    [InlineData("base_model:\n- a/b\n- a/b/c", "a/b/c")]
    [InlineData("license: no", "\"license\" must be one of")]
    [InlineData("tags: 1e-5", "\"tags\" must be")]
    [InlineData("a: [", "YAML metadata is not valid")]
    [InlineData("model-index:\n- name: m\n  results:\n  - task: {type: text-generation}\n    dataset: {type: d}\n    metrics: []",
        "dataset.name")]
    [InlineData("model-index:\n- name: m\n  results:\n  - task: {type: t}\n    dataset: {type: d, name: d}\n    metrics:\n"
        + "    - type: x\n      value: 0.5", null)]
    public async Task Cards_AreValidated(string yaml, string? error)
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        using var answer = await client.PostAsync("/api/validate-yaml",
            new JsonObject { ["content"] = $"---\r\n{yaml.Replace("\n", "\r\n")}\r\n---\r\ntext", ["repoType"] = "model" }.ToJsonString());
        var errors = (await Client.JsonAsync(answer))["errors"]!.AsArray();
        Assert.Equal(error is null ? HttpStatusCode.OK : HttpStatusCode.BadRequest, answer.StatusCode);
        if (error is null) Assert.Empty(errors);
        else Assert.Contains(errors, one => ((string)one!["message"]!).Contains(error, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhoAmI_TellsTheTokensRole()
    {
        await using var server = await StartAsync();
        (string, string)[] roles =
            [(HubTokens.Read, "read"), (HubTokens.Write, "write"), (HubTokens.FineGrained, "fineGrained")];
        foreach (var (token, role) in roles)
        {
            using var client = new Client(server, token);
            var me = await client.JsonAsync("/api/whoami-v2");
            Assert.Equal(("ada", role), ((string)me["name"]!, (string)me["auth"]!["accessToken"]!["role"]!));
        }
    }

    private static string File(string path, byte[] content) => JsonSerializer.Serialize(
        new { key = "file", value = new { content = Convert.ToBase64String(content), path, encoding = "base64" } });

    private static string Lfs(string path, string oid, long size) =>
        JsonSerializer.Serialize(new { key = "lfsFile", value = new { path, algo = "sha256", oid, size } });

    private static Task<HttpResponseMessage> CommitAsync(Client client, params string[] lines) =>
        client.PostAsync("/api/models/acme/m/commit/main", string.Join('\n', lines), "application/x-ndjson");

    private static Task<HttpResponseMessage> PutAsync(Client client, string url, byte[] bytes) =>
        client.SendAsync(HttpMethod.Put, url, new ByteArrayContent(bytes));

    private static async Task<JsonArray> PreuploadAsync(Client client, params (string Path, byte[] Content)[] files)
    {
        using var answer = await client.PostAsync("/api/models/acme/m/preupload/main", JsonSerializer.Serialize(new
        {
            files = files.Select(file => new
            {
                path = file.Path,
                size = file.Content.Length,
                sample = Convert.ToBase64String(file.Content.AsSpan(0, Math.Min(512, file.Content.Length))),
            }),
        }));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await Client.JsonAsync(answer))["files"]!.AsArray();
    }

    private static async Task<JsonArray> BatchAsync(Client client, params (string Oid, int Size)[] objects)
    {
        using var answer = await client.PostAsync("/acme/m.git/info/lfs/objects/batch", JsonSerializer.Serialize(new
        {
            operation = "upload",
            transfers = new[] { "basic", "multipart" },
            objects = objects.Select(one => new { oid = one.Oid, size = one.Size }),
            hash_algo = "sha256",
            @ref = new { name = "main" },
        }), LfsType);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await Client.JsonAsync(answer))["objects"]!.AsArray();
    }

    private static async Task<HubServer> StartAsync()
    {
        var server = await HubServer.StartAsync(HubServerOptions.ForLapidary, Client.Cancel);
        server.AddRepository("acme/m");
        return server;
    }
}
