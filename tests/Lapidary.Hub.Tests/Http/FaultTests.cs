using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

/// <summary>Answers that a Hub gives on a bad day, and those of servers that are none.</summary>
public sealed class FaultTests : HubTest
{
    private NoWaits Clock => (NoWaits)Options.Time;

    [Fact]
    public async Task ServerErrors_ArePassedOver()
    {
        Server.Add(HubFault.Status("GET */revision/main", 500) with { Times = 2 });
        Server.Add(HubFault.Status("/cdn/*", 503) with { Times = 2 });
        Server.Add(HubFault.Drop("GET */tree/*"));
        Assert.Equal(5, (await DownloadAsync()).Files);
        Assert.Contains(TimeSpan.FromSeconds(1), Clock.Waits);
        Assert.Contains(TimeSpan.FromSeconds(2), Clock.Waits);
    }

    [Fact]
    public async Task ServerErrorsWithoutEnd_AreAnError_WithTheHubsWords()
    {
        Server.Add(HubFault.Status("GET */revision/main", 502, "the backend is down") with { Times = HubFault.Always });
        var error = await FailAsync();
        Assert.Equal(HubError.ServerFailed, error.Error);
        Assert.Contains("502", error.Message);
        Assert.Contains("the backend is down", error.Message);
        Assert.Equal(6, Server.Requests.Count);
    }

    [Fact]
    public async Task WaitsThatTheHubAsksFor_AreKept_AndSaidOnce()
    {
        Server.Add(HubFault.TooManyRetryAfter("GET */revision/main", 7));
        Server.Add(HubFault.TooManyRateLimit("GET */tree/*", 55));
        Server.Add(HubFault.TooManyRetryAt("GET */resolve/*/config.json", DateTimeOffset.UtcNow.AddSeconds(100)));
        Assert.Equal(5, (await DownloadAsync()).Files);
        Assert.Contains(TimeSpan.FromSeconds(7), Clock.Waits);
        Assert.Contains(TimeSpan.FromSeconds(56), Clock.Waits);
        Assert.Contains(Clock.Waits, wait => wait.TotalSeconds is > 60 and < 101);
        Assert.Equal(3, Notes.Count);
        Assert.All(Notes, note => Assert.Contains("asks to wait", note));
    }

    [Fact]
    public async Task AWaitThatIsTooLong_IsAnError_WithItsSeconds()
    {
        Server.Add(HubFault.TooManyRetryAfter("GET */revision/main", 3600) with { Times = HubFault.Always });
        var error = await FailAsync();
        Assert.Equal(HubError.RateLimited, error.Error);
        Assert.Contains("3600 s", error.Message);
        Assert.Single(Server.Requests);
    }

    [Fact]
    public async Task RedirectsInACircle_End()
    {
        Server.Add(HubFault.RedirectLoop("GET */revision/main") with { Times = HubFault.Always });
        var error = await FailAsync();
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains("redirects", error.Message);
        Assert.Contains("HF_ENDPOINT", error.Message);
        Assert.Equal(21, Server.Requests.Count);
    }

    /// <summary>A mistyped folder may look like an id.</summary>
    [Fact]
    public async Task AHubThatCannotBeReached_IsNotAllThatIsSaid_OfANameThatMayBeAFolder()
    {
        Server.Add(HubFault.RedirectLoop("GET */revision/main") with { Times = HubFault.Always });
        using var client = Client();
        var error = await Assert.ThrowsAsync<HubException>(
            () => client.ResolveAsync("acme/tiny", RepoType.Model, cancellation: Cancellation));
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains("no folder \"acme/tiny\"", error.Message);
    }

    [Fact]
    public async Task AnAddressThatIsNoHubs_IsAnErrorThatSaysWhatToCheck()
    {
        using var hub = new FakeHub
        {
            Fault = _ => new HttpResponseMessage(System.Net.HttpStatusCode.NotFound) { Content = new StringContent("<html>None</html>") },
        };
        using var client = new HubClient(FakeHub.Options(Folder), hub);
        HubException[] errors =
        [
            await Assert.ThrowsAsync<HubException>(() => client.DownloadAsync(FakeHub.Repo, cancellation: Cancellation)),
            await Assert.ThrowsAsync<HubException>(() => client.WhoAmIAsync(Cancellation)),
        ];
        Assert.All(errors, error => Assert.Equal(HubError.Unreachable, error.Error));
        Assert.All(errors, error => Assert.Contains("404", error.Message));
        Assert.All(errors, error => Assert.Contains("check HF_ENDPOINT", error.Message));
    }

    [Fact]
    public async Task AStorageHostThatIsSilent_IsTheOneThatIsNamed()
    {
        Options = Options with { MetadataTimeout = TimeSpan.FromSeconds(3) };
        Server.Add(HubFault.Late("/cdn/*", TimeSpan.FromMinutes(1)) with { Times = HubFault.Always });
        var error = await FailAsync();
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.StartsWith(new Uri(Server.StorageUrl).Authority, error.Message);
        Assert.Contains("no answer in 3 s", error.Message);
    }

    [Fact]
    public async Task AStorageHostThatRefuses_IsQuoted()
    {
        Server.Add(HubFault.ExpiredUrl("/cdn/*") with { Times = HubFault.Always });
        string message = (await FailAsync()).Message;
        Assert.Contains("(Request has expired)", message);
        Assert.Contains("try again", message);
    }

    [Fact]
    public async Task OtherHosts_GetNoToken()
    {
        Server.Add(HubFault.Redirect("GET */revision/main", $"{Server.ForeignUrl}/x"));
        var error = await FailAsync();
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains(Server.ForeignUrl, error.Message);
        Assert.DoesNotContain(Server.Requests, request => request.Host == HubHost.Foreign);

        Server.Add(HubFault.Redirect("GET */resolve/*/config.json", $"{Server.ForeignUrl}/x") with { Times = HubFault.Always });
        await Assert.ThrowsAsync<HubException>(() => DownloadAsync());
        Assert.Contains(Server.Requests, request => request.Host == HubHost.Foreign && !request.HasAuthorization);
    }

    [Fact]
    public async Task TheNextPageOfAList_IsTheEndpoints()
    {
        Seeded.AddFiles([.. Enumerable.Range(0, 1500).Select(i => ($"data/{i}.txt", HubContent.FromText($"{i}")))]);
        Server.Add(HubFault.ForeignNextLink("GET */tree/*"));
        var error = await FailAsync();
        Assert.Contains("next page", error.Message);
        Assert.DoesNotContain(Server.Requests, request => request.Host == HubHost.Foreign);
    }

    [Fact]
    public async Task AnswersWithoutACommit_AreNoHubs()
    {
        Server.Add(HubFault.NoRepoCommit("*config.json") with { Times = HubFault.Always });
        var error = await FailAsync(new DownloadOptions { Include = ["config.json"] });
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains("HF_ENDPOINT", error.Message);
    }

    [Theory]
    [InlineData("<html>Log in to the hotel</html>", "text/html")]
    [InlineData("[]", "application/json")]
    [InlineData("{\"sha\": \"../../x\"}", "application/json")]
    public async Task PagesInPlaceOfAnswers_AreNoHubs(string text, string type)
    {
        using var hub = new FakeHub
        {
            Fault = _ => new HttpResponseMessage { Content = new StringContent(text, System.Text.Encoding.UTF8, type) },
        };
        using var client = new HubClient(FakeHub.Options(Folder), hub);
        var error = await Assert.ThrowsAsync<HubException>(() => client.DownloadAsync(FakeHub.Repo, cancellation: Cancellation));
        Assert.Equal(HubError.Unreachable, error.Error);
        Assert.Contains("HF_ENDPOINT", error.Message);
    }

    [Fact]
    public async Task EtagsInEveryDress_AreRead()
    {
        Server.Add(HubFault.WeakEtag("*config.json") with { Times = HubFault.Always });
        Server.Add(HubFault.UnquotedEtag("*model.safetensors") with { Times = HubFault.Always });
        using var client = Client();
        Assert.Equal("{\"a\": 1}", File.ReadAllText(await client.DownloadFileAsync(Repo, "config.json", cancellation: Cancellation)));
        await client.DownloadFileAsync(Repo, "model.safetensors", cancellation: Cancellation);
        Assert.Equal(5, (await DownloadAsync()).Files);
    }

    [Fact]
    public async Task ASnapshot_IsOfOneCommit_WhenTheBranchMoves()
    {
        string first = Seeded.Head.Oid;
        Server.Add(HubFault.After("GET */revision/main", _ => Seeded.AddFile("config.json", "{\"b\": 1}")));
        var snapshot = await DownloadAsync();
        Assert.Equal(first, snapshot.Commit);
        Assert.Equal("{\"a\": 1}", File.ReadAllText(Path.Combine(snapshot.Path, "config.json")));
    }

    [Fact]
    public async Task PackedContent_IsUnpacked()
    {
        using var hub = new FakeHub();
        hub.Files["config.json"] = "{\"packed\": true}"u8.ToArray();
        hub.Fault = request =>
        {
            if (!request.RequestUri!.AbsolutePath.Contains("/resolve/", StringComparison.Ordinal)) return null;
            using var packed = new MemoryStream();
            using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest))
                gzip.Write(hub.Files["config.json"]);
            var answer = new HttpResponseMessage { Content = new ByteArrayContent(packed.ToArray()) };
            answer.Content.Headers.ContentEncoding.Add("gzip");
            answer.Headers.Add("X-Repo-Commit", hub.Commit);
            return answer;
        };
        using var client = new HubClient(FakeHub.Options(Folder), hub);
        var snapshot = await client.DownloadAsync(FakeHub.Repo, cancellation: Cancellation);
        Assert.Equal("{\"packed\": true}", File.ReadAllText(Path.Combine(snapshot.Path, "config.json")));
    }

    [Fact]
    public async Task SignedAddresses_StayAsTheyAre_AndTheTokenAtHome()
    {
        using var hub = new FakeHub();
        hub.Files["model.bin"] = new byte[2000];
        using var client = new HubClient(FakeHub.Options(Folder), hub);
        await client.DownloadAsync(FakeHub.Repo, cancellation: Cancellation);
        Assert.Contains(hub.Lines, line => line.EndsWith("?signature=a%7Eb", StringComparison.Ordinal));
        Assert.All(hub.Requests, request => Assert.Equal(
            request.Line.Contains("hub.test", StringComparison.Ordinal), request.Headers.Authorization is not null));
    }

    [Fact]
    public async Task ATokenThatAServerRepeats_IsInNoError()
    {
        using var hub = new FakeHub
        {
            Fault = _ => FakeHub.Answer(System.Net.HttpStatusCode.Forbidden, message: $"Bearer {FakeHub.Token} may not"),
        };
        using var client = new HubClient(FakeHub.Options(Folder), hub);
        var error = await Assert.ThrowsAsync<HubException>(() => client.DownloadAsync(FakeHub.Repo, cancellation: Cancellation));
        Assert.DoesNotContain(FakeHub.Token, error.ToString());
        Assert.Contains("Bearer *** may not", error.Message);
    }
}
