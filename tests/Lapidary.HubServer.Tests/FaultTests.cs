using System.Net;
using System.Security.Cryptography;

namespace Lapidary.TestHub.Tests;

public class FaultTests
{
    private static readonly byte[] Weights = RandomNumberGenerator.GetBytes(200_000);

    [Fact]
    public async Task CutBody_BreaksOnce_AfterItsBytes()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        server.Add(HubFault.CutBody("GET /cdn/*", 150_000));
        using var answer = await client.DownloadAsync("/org/m/resolve/main/w.bin");
        Assert.Equal(150_000, await CountAsync(answer));
        using var again = await client.DownloadAsync("/org/m/resolve/main/w.bin");
        Assert.Equal(200_000, await CountAsync(again));
        Assert.Equal(150_000, server.Requests.First(request => request.Host == HubHost.Storage).BytesSent);
    }

    [Fact]
    public async Task Contents_GoWrongAsTheyAreTold()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        server.Add(HubFault.WrongContent("GET /cdn/*", at: 1234));
        byte[] spoilt = await (await client.DownloadAsync("/org/m/resolve/main/w.bin")).Content.ReadAsByteArrayAsync(Client.Cancel);
        Assert.Equal([1234], Enumerable.Range(0, 200_000).Where(i => spoilt[i] != Weights[i]));
        server.ClearFaults();

        server.Add(HubFault.WrongLength("GET /cdn/*", +10));
        using var longer = await client.DownloadAsync("/org/m/resolve/main/w.bin");
        Assert.Equal(200_010, longer.Content.Headers.ContentLength);
        Assert.Equal(200_000, await CountAsync(longer));
        server.ClearFaults();

        server.Add(HubFault.WrongLength("GET /cdn/*", -10));
        Assert.Equal(199_990, await CountAsync(await client.DownloadAsync("/org/m/resolve/main/w.bin")));
        server.ClearFaults();

        server.Add(HubFault.IgnoreRange("GET /cdn/*"));
        using var whole = await client.DownloadAsync("/org/m/resolve/main/w.bin", "bytes=5-");
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);
        server.ClearFaults();

        server.Add(HubFault.Gzip("GET /api/resolve-cache/*"));
        string url = (await client.GetAsync("/org/m/resolve/main/config.json")).Headers.Location!.ToString();
        using var zipped = await client.SendAsync(HttpMethod.Get, url, encoding: "gzip");
        Assert.Equal(["gzip"], zipped.Content.Headers.ContentEncoding);
        Assert.Null(zipped.Content.Headers.ContentLength);
        byte[] body = await zipped.Content.ReadAsByteArrayAsync(Client.Cancel);
        Assert.Equal([0x1f, 0x8b], body[..2]);
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task Statuses_ComeAsOftenAsTheyAreTold()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        var fault = server.Add(HubFault.Status("/api/models/*", 503) with { Times = 2, Skip = 1 });
        int[] statuses = new int[5];
        for (int i = 0; i < 5; i++) statuses[i] = (int)(await client.GetAsync("/api/models/org/m")).StatusCode;
        Assert.Equal([200, 503, 503, 200, 200], statuses);
        Assert.Equal(5, fault.Seen);
        server.Add(HubFault.TooManyRateLimit("HEAD *", 7));
        using var limited = await client.HeadAsync("/org/m/resolve/main/w.bin");
        Assert.Equal("\"api\";r=0;t=7", limited.Headers.GetValues("RateLimit").Single());
        server.Add(HubFault.TooManyRetryAfter("HEAD *", 9));
        Assert.Equal(TimeSpan.FromSeconds(9), (await client.HeadAsync("/org/m/resolve/main/w.bin")).Headers.RetryAfter!.Delta);
        server.Add(HubFault.ExpiredUrl("/cdn/*"));
        using var expired = await client.DownloadAsync("/org/m/resolve/main/w.bin");
        Assert.Contains("<Code>AccessDenied</Code>", await expired.Content.ReadAsStringAsync(Client.Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Headers_AndRedirects_GoWrongAsTheyAreTold()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        const string Url = "/org/m/resolve/main/w.bin";
        server.Add(HubFault.NoRepoCommit("HEAD *"));
        Assert.False((await client.HeadAsync(Url)).Headers.Contains("X-Repo-Commit"));
        server.Add(HubFault.WeakEtag("HEAD *"));
        Assert.StartsWith("W/\"", (await client.HeadAsync(Url)).Headers.GetValues("X-Linked-Etag").Single(), StringComparison.Ordinal);
        server.Add(HubFault.UnquotedEtag("HEAD *"));
        Assert.Equal(64, (await client.HeadAsync(Url)).Headers.GetValues("X-Linked-Etag").Single().Length);
        server.Add(HubFault.RedirectLoop("HEAD *"));
        Assert.Equal(Url, (await client.HeadAsync(Url)).Headers.Location!.ToString());
        server.Add(HubFault.Redirect("GET /org/*", server.ForeignUrl + "/x"));
        using var foreign = await client.DownloadAsync(Url);
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        Assert.Equal(HubHost.Foreign, server.Requests[^1].Host);
        server.Add(HubFault.ForeignNextLink("GET */tree/*"));
        using var page = await client.GetAsync("/api/models/org/m/tree/main?limit=1");
        Assert.StartsWith($"<{server.ForeignUrl}/", page.Headers.GetValues("Link").Single(), StringComparison.Ordinal);
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task Changes_ComeBetweenCalls_AndAnswersGetLost()
    {
        await using var server = await StartAsync();
        var repository = server.Find("org/m")!;
        using var client = new Client(server, HubTokens.Write);
        server.Add(HubFault.After("HEAD */config.json", _ => repository.AddFile("config.json", "{\"new\": 1}")));
        string before = repository.Head.Oid;
        using var head = await client.HeadAsync("/org/m/resolve/main/config.json");
        Assert.Equal(before, head.Headers.GetValues("X-Repo-Commit").Single());
        using var get = await client.DownloadAsync("/org/m/resolve/main/config.json");
        Assert.Equal("{\"new\": 1}", await get.Content.ReadAsStringAsync(Client.Cancel));

        server.Add(HubFault.LoseAnswer("POST */branch/lost"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync("/api/models/org/m/branch/lost", "{}"));
        Assert.Null(repository.Find("lost")); // ada may not write there: even the refusal is lost
        server.AddRepository("ada/n");
        server.Add(HubFault.LoseAnswer("POST */branch/lost"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync("/api/models/ada/n/branch/lost", "{}"));
        Assert.NotNull(server.Find("ada/n")!.Find("lost"));
        server.Add(HubFault.Drop("POST */branch/never"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync("/api/models/ada/n/branch/never", "{}"));
        Assert.Null(server.Find("ada/n")!.Find("never"));
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task HostileTrees_AreServedAsTheyWereMade()
    {
        await using var server = await StartAsync();
        string[] names = ["../x", "/abs", "C:\\x", "..\\x", "a/../../b", "CON", "A", "a"];
        server.AddRepository("evil/m").AddFiles([.. names.Select(name => (name, (HubContent)"x"))]);
        server.Find("evil/m")!.Commit("size", [new HubFile("huge.bin", "x", IsLfs: true) { ClaimedSize = 1L << 50 }]);
        using var client = new Client(server);
        var tree = (await client.JsonAsync("/api/models/evil/m/tree/main?recursive=true")).AsArray();
        Assert.Empty(names.Except(tree.Select(item => (string)item!["path"]!)));
        Assert.Equal(1L << 50, (long)tree.Single(item => (string)item!["path"]! == "huge.bin")!["lfs"]!["size"]!);
        using var head = await client.HeadAsync("/evil/m/resolve/main/huge.bin");
        Assert.Equal($"{1L << 50}", head.Headers.GetValues("X-Linked-Size").Single());
        Assert.Empty(server.Violations);
        using var asked = await client.GetAsync("/evil/m/resolve/main/..%2Fx");
        Assert.Contains("no client may use", Assert.Single(server.Violations), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bodies_ComeSlowly_OrStop_AndTheServerStillEnds()
    {
        await using var server = await StartAsync();
        using var client = new Client(server);
        server.Add(HubFault.Slow("GET /cdn/*", 1_000_000));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(200_000, await CountAsync(await client.DownloadAsync("/org/m/resolve/main/w.bin")));
        Assert.InRange(clock.Elapsed, TimeSpan.FromMilliseconds(150), TimeSpan.FromSeconds(20));
        server.Add(HubFault.Stall("GET /cdn/*", 70_000));
        using var answer = await client.DownloadAsync("/org/m/resolve/main/w.bin");
        await using var body = await answer.Content.ReadAsStreamAsync(Client.Cancel);
        await body.ReadExactlyAsync(new byte[70_000], Client.Cancel);
        var next = body.ReadAsync(new byte[1], Client.Cancel).AsTask();
        await Task.Delay(100, Client.Cancel);
        Assert.False(next.IsCompleted);
        await server.DisposeAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => next);
    }

    [Fact]
    public async Task Requests_AreCutOnTheirWayIn()
    {
        await using var server = await StartAsync();
        using var client = new Client(server, HubTokens.Write);
        server.AddRepository("ada/n");
        server.Add(HubFault.CutRequest("POST */preupload/*", 10_000));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() =>
            client.PostAsync("/api/models/ada/n/preupload/main", $$"""{"files": "{{new string('x', 1_000_000)}}"}"""));
        using var again = await client.PostAsync("/api/models/ada/n/preupload/main", """{"files": [{"path": 1}]}""");
        Assert.Equal(HttpStatusCode.BadRequest, again.StatusCode);
        Assert.Contains("of another type", Assert.Single(server.Violations), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RateLimit_CountsByToken()
    {
        await using var server = await StartAsync(new HubServerOptions { RateLimit = new HubRateLimit(2, 5, TimeSpan.FromHours(1)) });
        using var anonymous = new Client(server);
        using var ada = new Client(server, HubTokens.Read);
        int[] statuses = new int[3];
        for (int i = 0; i < 3; i++) statuses[i] = (int)(await anonymous.GetAsync("/api/models/org/m")).StatusCode;
        Assert.Equal([200, 200, 429], statuses);
        Assert.Equal(HttpStatusCode.OK, (await ada.GetAsync("/api/models/org/m")).StatusCode);
        Assert.Equal(HttpStatusCode.Found, (await anonymous.GetAsync("/org/m/resolve/main/w.bin")).StatusCode);
    }

    private static async Task<long> CountAsync(HttpResponseMessage answer)
    {
        var target = new MemoryStream();
        try
        {
            await answer.Content.CopyToAsync(target, Client.Cancel);
        }
        catch (HttpRequestException)
        {
            // The end came early.
        }

        return target.Length;
    }

    private static async Task<HubServer> StartAsync(HubServerOptions? options = null)
    {
        var server = await HubServer.StartAsync(options, Client.Cancel);
        server.AddRepository("org/m").AddFiles(("config.json", "{}"), ("w.bin", Weights));
        return server;
    }
}
