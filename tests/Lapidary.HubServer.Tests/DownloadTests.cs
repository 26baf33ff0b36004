using System.Net;
using System.Security.Cryptography;

namespace Lapidary.TestHub.Tests;

public class DownloadTests
{
    private static readonly byte[] Weights = RandomNumberGenerator.GetBytes(100_000);

    [Fact]
    public async Task RegularFile_Is307Relative_ThenItsBytes()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        using var head = await client.HeadAsync("/org/m/resolve/main/config.json");
        Assert.Equal(HttpStatusCode.TemporaryRedirect, head.StatusCode);
        Assert.Equal(server.Find("org/m")!.Head.Oid, head.Headers.GetValues("X-Repo-Commit").Single());
        string location = head.Headers.Location!.ToString();
        Assert.StartsWith("/api/resolve-cache/models/org/m/", location, StringComparison.Ordinal);

        using var file = await client.GetAsync(location);
        Assert.Equal("{}", await file.Content.ReadAsStringAsync(Client.Cancel));
        Assert.Equal("\"9e26dfeeb6e641a33dae4961196235bdb965b21b\"", file.Headers.ETag!.ToString());
        Assert.Empty(server.Violations);
        using var lost = await client.GetAsync(location.Split('?')[0]);
        Assert.Equal(HttpStatusCode.BadRequest, lost.StatusCode);
        Assert.Contains("query was lost", Assert.Single(server.Violations), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LfsFile_Is302ToTheOtherHost_WithRanges()
    {
        await using var server = await StartAsync();
        using var client = new Client(server, HubTokens.Read);
        using var head = await client.HeadAsync("/org/m/resolve/main/w.bin");
        Assert.Equal(HttpStatusCode.Found, head.StatusCode);
        string sha = Convert.ToHexStringLower(SHA256.HashData(Weights));
        Assert.Equal($"\"{sha}\"", head.Headers.GetValues("X-Linked-Etag").Single());
        Assert.Equal("100000", head.Headers.GetValues("X-Linked-Size").Single());
        string url = head.Headers.Location!.ToString();
        Assert.StartsWith(server.StorageUrl, url, StringComparison.Ordinal);
        using var whole = await client.GetAsync(url);
        Assert.Equal(Weights, await whole.Content.ReadAsByteArrayAsync(Client.Cancel));
        foreach (var (range, first, count) in new[] { ("bytes=0-0", 0, 1), ("bytes=99990-", 99990, 10), ("bytes=-5", 99995, 5) })
        {
            using var part = await client.GetAsync(url, range);
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(100_000, part.Content.Headers.ContentRange!.Length);
            Assert.Equal(Weights[first..(first + count)], await part.Content.ReadAsByteArrayAsync(Client.Cancel));
        }

        using var beyond = await client.GetAsync(url, "bytes=100000-");
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
        Assert.Equal("bytes */100000", beyond.Content.Headers.GetValues("Content-Range").Single());
        Assert.Empty(server.Violations);
        Assert.Equal(5, server.SignedUrlUses.Single(use => use.Path == $"/cdn/{sha}/w.bin").Uses);
    }

    [Fact]
    public async Task Storage_RefusesTokens_OtherMethods_AndOldUrls()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        string url = (await client.GetAsync("/org/m/resolve/main/w.bin")).Headers.Location!.ToString();
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {HubTokens.Read}");
        request.Headers.TryAddWithoutValidation("User-Agent", "lapidary/0");
        using var http = new HttpClient();
        using var refused = await http.SendAsync(request, Client.Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("<Code>InvalidArgument</Code>", await refused.Content.ReadAsStringAsync(Client.Cancel), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.HeadAsync(url)).StatusCode);
        Assert.Equal(2, server.Violations.Count);
        server.ExpireSignedUrls();
        using var old = await client.GetAsync(url);
        Assert.Equal(HttpStatusCode.Forbidden, old.StatusCode);
        Assert.Contains("Request has expired", await old.Content.ReadAsStringAsync(Client.Cancel), StringComparison.Ordinal);
        Assert.Equal(2, server.Violations.Count);
    }

    [Theory]
    [InlineData("/org/m/resolve/main/none.txt", null, 404, "EntryNotFound", "Entry not found")]
    [InlineData("/org/m/resolve/none/config.json", null, 404, "RevisionNotFound", "Invalid rev id: none")]
    [InlineData("/api/models/org/m/revision/none", null, 404, "RevisionNotFound", "Invalid rev id: none")]
    [InlineData("/org/none/resolve/main/a", null, 401, "RepoNotFound", "Repository not found")]
    [InlineData("/org/none/resolve/main/a", HubTokens.Read, 404, "RepoNotFound", "Repository not found")]
    [InlineData("/acme/private/resolve/main/a", null, 401, "RepoNotFound", "Repository not found")]
    [InlineData("/acme/private/resolve/main/a", HubTokens.Other, 404, "RepoNotFound", "Repository not found")]
    [InlineData("/acme/private/resolve/main/a", HubTokens.Read, 307, null, null)]
    [InlineData("/org/m/resolve/main/config.json", HubTokens.Bad, 401, null, "Invalid credentials in Authorization header")]
    [InlineData("/org/gated/resolve/main/a", null, 401, "GatedRepo",
        "Access to model org/gated is restricted. You must have access to it and be authenticated to access it. Please log in.")]
    [InlineData("/org/gated/resolve/main/a", HubTokens.Other, 403, "GatedRepo", "Access to model org/gated is restricted and you are not "
        + "in the authorized list. Visit https://huggingface.co/org/gated to ask for access.")]
    [InlineData("/org/gated/resolve/main/a", HubTokens.Read, 307, null, null)]
    [InlineData("/org/gated/resolve/main/a", HubTokens.FineGrained, 307, null, null)]
    [InlineData("/org/gated/resolve/main/a", HubTokens.WithoutGated, 403, null, "Please enable access to public gated repositories in your "
        + "fine-grained token settings to view this repository.")]
    [InlineData("/org/pending/resolve/main/a", HubTokens.Read, 403, "GatedRepo",
        "Your request to access model org/pending is awaiting a review from the repo authors.")]
    [InlineData("/org/disabled/resolve/main/a", null, 403, null, "Access to this resource is disabled.")]
    public async Task Errors_HaveTheHubsCodesAndWords(string url, string? token, int status, string? code, string? message)
    {
        await using var server = await StartAsync();
        server.AddRepository("acme/private", configure: repository => repository.IsPrivate = true).AddFile("a", "x");
        server.AddRepository("org/gated", configure: repository =>
        {
            repository.Gate = HubGate.Auto;
            repository.Grant("ada");
        }).AddFile("a", "x");
        server.AddRepository("org/pending", configure: repository =>
        {
            repository.Gate = HubGate.Manual;
            repository.Grant("ada", HubGrant.Pending);
        }).AddFile("a", "x");
        server.AddRepository("org/disabled", configure: repository => repository.IsDisabled = true).AddFile("a", "x");
        using var client = new Client(server, token);
        foreach (var answer in new[] { await client.GetAsync(url), await client.HeadAsync(url) })
        {
            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal(code, Header(answer, "X-Error-Code"));
            Assert.Equal(message, Header(answer, "X-Error-Message"));
            Assert.NotNull(Header(answer, "X-Request-Id"));
            if (code == "EntryNotFound") Assert.Equal(server.Find("org/m")!.Head.Oid, Header(answer, "X-Repo-Commit"));
            answer.Dispose();
        }

        Assert.Empty(server.Violations);
        Assert.DoesNotContain(server.Requests, request => request.ToString().Contains(HubTokens.Mark, StringComparison.Ordinal));
    }

    [Fact]
    public async Task RenamedRepository_RedirectsWithoutACommit()
    {
        await using var server = await StartAsync();
        server.Rename("org/m", "org/new");
        using var client = new Client(server);
        using var answer = await client.GetAsync("/org/m/resolve/main/config.json?x=1");
        Assert.Equal("/org/new/resolve/main/config.json?x=1", answer.Headers.Location!.ToString());
        Assert.False(answer.Headers.Contains("X-Repo-Commit"));
        using var info = await client.GetAsync("/api/models/org/m/revision/main");
        Assert.Equal("/api/models/org/new/revision/main", info.Headers.Location!.ToString());
    }

    [Fact]
    public async Task Tree_IsPaged_AndInfoNamesTheCommit()
    {
        await using var server = await StartAsync(new HubServerOptions { PageSize = 3 });
        var repository = server.Find("org/m")!;
        repository.AddFiles(("sub/a b#%?é.txt", "1"), ("sub/deep/b.txt", "2"), ("z.txt", "3"));
        using var client = new Client(server);
        string? url = "/api/models/org/m/tree/main?recursive=true&expand=false";
        var names = new List<string>();
        int pages = 0;
        while (url is not null)
        {
            using var answer = await client.GetAsync(url);
            foreach (var item in (await Client.JsonAsync(answer)).AsArray()) names.Add((string)item!["path"]!);
            url = answer.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<', '>')[1] : null;
            pages++;
        }

        Assert.Equal([".gitattributes", "config.json", "sub", "sub/a b#%?é.txt", "sub/deep", "sub/deep/b.txt", "w.bin", "z.txt"], names);
        Assert.Equal(3, pages);
        using var odd = await client.DownloadAsync("/org/m/resolve/main/sub/" + Uri.EscapeDataString("a b#%?é.txt"));
        Assert.Equal("1", await odd.Content.ReadAsStringAsync(Client.Cancel));
        var info = await client.JsonAsync("/api/models/org/m/revision/main?blobs=true");
        Assert.Equal(repository.Head.Oid, (string)info["sha"]!);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Weights)),
            (string)info["siblings"]!.AsArray().Single(file => (string)file!["rfilename"]! == "w.bin")!["lfs"]!["sha256"]!);
        var expanded = await client.JsonAsync("/api/models/org/m?expand[]=sha&expand[]=private");
        Assert.Equal(["_id", "id", "sha", "private"], expanded.AsObject().Select(pair => pair.Key));
        using var form = await client.PostAsync("/api/models/org/m/paths-info/main", "paths=w.bin&paths=none&expand=false",
            "application/x-www-form-urlencoded");
        Assert.Equal("w.bin", (string)(await Client.JsonAsync(form)).AsArray().Single()!["path"]!);
        using var json = await client.PostAsync("/api/models/org/m/paths-info/HEAD", """{"paths": ["w.bin"], "expand": true}""");
        Assert.Equal("Add files", (string)(await Client.JsonAsync(json)).AsArray().Single()!["lastCommit"]!["title"]!);
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task GeneratedContent_IsTheSameByRangeAndHash()
    {
        await using var server = await StartAsync();
        var content = HubContent.Generate((3 << 20) + 17, seed: 5);
        server.Find("org/m")!.AddFile("big.safetensors", content);
        using var client = new Client(server);
        byte[] whole = content.ToArray();
        Assert.Equal(content.Sha256, Convert.ToHexStringLower(SHA256.HashData(whole)));
        using var part = await client.DownloadAsync("/org/m/resolve/main/big.safetensors", $"bytes={(1 << 20) + 3}-{(2 << 20) + 5}");
        Assert.Equal(whole[((1 << 20) + 3)..((2 << 20) + 6)], await part.Content.ReadAsByteArrayAsync(Client.Cancel));
    }

    [Fact]
    public async Task Strictness_NamesWhatIsWrong()
    {
        await using var server = await StartAsync(HubServerOptions.ForLapidary);
        using var client = new Client(server);
        using var head = await client.SendAsync(HttpMethod.Head, "/org/m/resolve/main/config.json", encoding: "gzip");
        using var unlisted = await client.GetAsync("/org/m/raw/main/config.json");
        using var range = await client.SendAsync(HttpMethod.Get, "/org/m/resolve/main/w.bin", range: "bytes=0-", encoding: "gzip");
        Assert.Equal([400, 404, 400], new[] { (int)head.StatusCode, (int)unlisted.StatusCode, (int)range.StatusCode });
        Assert.Equal(3, server.Violations.Count);
        server.RefusesAll = true;
        using var offline = await client.GetAsync("/api/models/org/m");
        Assert.Equal(4, server.Violations.Count);
    }

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    private static async Task<HubServer> StartAsync(HubServerOptions? options = null)
    {
        var server = await HubServer.StartAsync(options, Client.Cancel);
        server.AddRepository("org/m").AddFiles(("config.json", "{}"), ("w.bin", Weights));
        return server;
    }
}
