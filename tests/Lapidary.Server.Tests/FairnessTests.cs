using Lapidary.Server.Http;

namespace Lapidary.Server.Tests;

public class FairnessTests
{
    private const string Chat = "/v1/chat/completions";

    /// <summary>All places are taken by one caller. Another with a key still gets an answer, one at a time beyond the limit.</summary>
    [Fact]
    public async Task ACallerWithAKey_IsNotShutOutByAnother()
    {
        var options = new LapidaryServerOptions { ApiKeys = ["first", "second"], MaxWaiting = 2 };
        await using var server = await TestServer.StartAsync(options, maxTexts: 1);
        var model = server.Models[0];
        Assert.True(model.TryEnter(3, options.MaxWaiting, Caller.OfKey(0)));

        var (status, body) = await server.PostAsync(Chat, TestServer.Ask(), "first");
        Assert.Equal((429, "queue_full"), (status, body.GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal(200, (await server.PostAsync(Chat, TestServer.Ask(), "second")).Status);
        Assert.True(model.TryEnter(1, options.MaxWaiting, Caller.OfKey(1)));
        Assert.Equal(429, (await server.PostAsync(Chat, TestServer.Ask(), "second")).Status);

        model.Leave(1, Caller.OfKey(1));
        model.Leave(3, Caller.OfKey(0));
        Assert.Equal(200, (await server.PostAsync(Chat, TestServer.Ask(), "first")).Status);
    }

    /// <summary>The places are full, of one caller's answers. The others get as many as each would have if all had equally
    /// many.</summary>
    [Fact]
    public async Task CallersWithKeys_HaveSharesOfAFullQueue()
    {
        await using var server = await TestServer.StartAsync(maxTexts: 1);
        var model = server.Models[0];
        Assert.True(Enters(0, 6));
        Assert.Equal([true, true, true, false], [Enters(1, 1), Enters(1, 1), Enters(1, 1), Enters(1, 1)]);
        Assert.Equal([true, false, true, false], [Enters(2, 1), Enters(2, 2), Enters(2, 1), Enters(2, 1)]);
        Assert.False(Enters(0, 1));

        model.Leave(6, Caller.OfKey(0));
        Assert.True(Enters(1, 1)); // 5 of 6 are taken

        bool Enters(int key, int count) => model.TryEnter(count, maxWaiting: 5, Caller.OfKey(key));
    }

    /// <summary>Where one answer fits at a time, a caller who has read the last one to its end gets the next.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(", \"stream\": true")]
    public async Task AnAnswerThatWasRead_HasLeft(string more)
    {
        await using var server = await TestServer.StartAsync(new LapidaryServerOptions { MaxWaiting = 0 }, maxTexts: 1);
        for (int i = 0; i < 30; i++)
        {
            using var response = await server.SendAsync(Chat, TestServer.Ask(more: more));
            Assert.Equal(200, (int)response.StatusCode);
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>There are any number of addresses, so they cannot have places of their own.</summary>
    [Fact]
    public async Task WithoutKeys_TheLimitIsOneForAll()
    {
        var options = new LapidaryServerOptions { MaxWaiting = 0 };
        await using var server = await TestServer.StartAsync(options, maxTexts: 1);
        Assert.True(server.Models[0].TryEnter(1, options.MaxWaiting, new Caller("192.0.2.1", HasKey: false)));
        Assert.Equal(429, (await server.PostAsync(Chat, TestServer.Ask())).Status);
    }
}
