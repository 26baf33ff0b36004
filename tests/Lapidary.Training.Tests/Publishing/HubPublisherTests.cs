using Lapidary.Formats;
using Lapidary.Hub;
using Lapidary.TestHub;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>Runs that are pushed to a strict server while they train.</summary>
public sealed class HubPublisherTests : IAsyncLifetime
{
    private const string Id = "ada/tiny";

    private readonly string _root = Directory.CreateTempSubdirectory("lapidary-publish-").FullName;
    private readonly List<string> _messages = [];
    private HubServer? _server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HubServer Server => _server!;

    private string Out => Path.Combine(_root, "out");

    /// <summary>Four steps, a checkpoint after each second one.</summary>
    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = Out,
        MaxSteps = 4,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 2,
        EvalStrategy = IntervalStrategy.Steps,
        EvalSteps = 2,
    };

    public async ValueTask InitializeAsync() =>
        _server = await HubServer.StartAsync(HubServerOptions.ForLapidary with { MultipartFrom = 50_000, PartBytes = 20_000 }, Token);

    public async ValueTask DisposeAsync()
    {
        try
        {
            Assert.Empty(Server.Violations);
            Assert.All(
                Directory.EnumerateFiles(_root, "*", SearchOption.AllDirectories),
                file => Assert.DoesNotContain(HubTokens.Mark, File.ReadAllText(file)));
            Assert.DoesNotContain(HubTokens.Mark, string.Join('\n', _messages));
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_root, "*.tmp-*", SearchOption.AllDirectories), _ => true);
        }
        finally
        {
            await Server.DisposeAsync();
            Directory.Delete(_root, recursive: true);
        }
    }

    [Fact]
    public async Task EverySave_PushesTheAdapterOfEachCheckpoint_AndTheFinalOne()
    {
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id });
        var hook = new Hook(_messages, step =>
        {
            // The first checkpoint has its time; what it costs is not this test's business.
            if (step == 3) WaitFor(() => publisher.Commit is not null);
        });
        Assert.True(Run(Config with { SaveTotalLimit = 1 }, publisher, hook));

        var repository = Server.Find(Id)!;
        Assert.True(repository.IsPrivate);
        Assert.Null(publisher.Failure);
        Assert.Equal(repository.Head.Oid, publisher.Commit);
        Assert.Equal([".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors"], Paths());
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Out, "adapter_model.safetensors")),
            repository.Head.Files["adapter_model.safetensors"].Content.ToArray());
        Assert.Contains("pushed checkpoint-2 to ada/tiny", _messages);
        string card = File.ReadAllText(Path.Combine(Out, "README.md"));
        Assert.Equal(card, System.Text.Encoding.UTF8.GetString(repository.Head.Files["README.md"].Content.ToArray()));
        Assert.Contains("library_name: peft", card, StringComparison.Ordinal);
        Assert.Contains("- org/rows\n", card, StringComparison.Ordinal);
        Assert.Contains("- type: loss\n", card, StringComparison.Ordinal);
        Assert.DoesNotContain(_root, card, StringComparison.Ordinal);
        Assert.DoesNotContain("rows.jsonl", card, StringComparison.Ordinal);
        Assert.DoesNotContain(Environment.MachineName, card, StringComparison.Ordinal);
        Assert.Contains("hub_model_id: ada/tiny", File.ReadAllText(Path.Combine(Out, "run.yaml")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task End_PushesOnce()
    {
        using var client = Client();
        var push = new HubPush { HubModelId = Id, HubStrategy = HubStrategy.End, HubPrivateRepo = false };
        using var publisher = await StartAsync(client, push);
        Assert.True(Run(Config, publisher));
        Assert.Equal(1, Server.Requests.Count(request => request.Path.Contains("/commit/", StringComparison.Ordinal)));
        Assert.False(Server.Find(Id)!.IsPrivate);
        Assert.Equal("End of training", Server.Find(Id)!.Head.Title);
    }

    [Fact]
    public async Task Checkpoint_PushesTheNewestToGoOnFrom()
    {
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id, HubStrategy = HubStrategy.Checkpoint });
        Assert.True(Run(Config, publisher));
        var there = Server.Find(Id)!.Head.Files;
        foreach (string file in Directory.GetFiles(Path.Combine(Out, "checkpoint-4")))
            Assert.Equal(File.ReadAllBytes(file), there[$"last-checkpoint/{Path.GetFileName(file)}"].Content.ToArray());
        Assert.DoesNotContain(there.Keys, path => path.StartsWith("checkpoint-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AllCheckpoints_PushesEach_ThoughTheRunDeletesThem_AndAnUploadFails()
    {
        Server.Add(HubFault.Status("POST */commit/*", 403, "not yet"));
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id, HubStrategy = HubStrategy.AllCheckpoints });
        Assert.True(Run(Config with { SaveSteps = 1, EvalSteps = 1, SaveTotalLimit = 1 }, publisher));
        Assert.Equal(
            ["checkpoint-1", "checkpoint-2", "checkpoint-3", "checkpoint-4"],
            Paths().Where(path => path.EndsWith("/optimizer.safetensors", StringComparison.Ordinal)).Select(path => path.Split('/')[0]));
        Assert.Contains(_messages, message => message.Contains("not yet", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnUploadThatIsUnderWay_DoesNotHoldTheStepsUp()
    {
        int commits = -1;
        Server.Add(HubFault.Late("POST */preupload/*", TimeSpan.FromSeconds(3)) with { Skip = 1 }); // the first one is the start's
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id });
        var hook = new Hook(_messages, step =>
        {
            if (step == 4) commits = Server.Requests.Count(request => request.Path.Contains("/commit/", StringComparison.Ordinal));
        });
        Assert.True(Run(Config, publisher, hook));
        Assert.Equal(0, commits);
        Assert.Equal(Server.Find(Id)!.Head.Oid, publisher.Commit);
    }

    [Fact]
    public async Task AHubThatIsGone_DoesNotEndTheRun_AndTheEndSaysWhatToDo()
    {
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id });
        Server.Add(HubFault.Status("*/preupload/*", 500) with { Times = HubFault.Always });
        Assert.True(Run(Config, publisher));
        Assert.Contains(Id, publisher.Failure, StringComparison.Ordinal);
        Assert.Contains(Out, publisher.Failure, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", publisher.Failure, StringComparison.Ordinal);
        Assert.Null(publisher.Commit);
        Assert.True(File.Exists(Path.Combine(Out, "adapter_model.safetensors")));

        // By hand, what is left is sent.
        Server.ClearFaults();
        var result = await client.UploadAsync(Out, publisher.Repo, new UploadOptions { Include = ["adapter_*"] }, Token);
        Assert.Equal(2, result.TransferredFiles);
    }

    [Theory]
    [InlineData(HubTokens.Bad)]
    [InlineData(HubTokens.Read)]
    [InlineData(HubTokens.Other)]
    public async Task ATokenThatMayNotWrite_ShowsBeforeTheRun(string token)
    {
        Server.AddRepository(Id);
        using var client = Client(token);
        var error = await Assert.ThrowsAsync<HubException>(() => StartAsync(client, new HubPush { HubModelId = Id }));
        Assert.Equal(HubError.Token, error.Error);
        Assert.DoesNotContain(HubTokens.Mark, error.ToString());
        Assert.False(Directory.Exists(Out));
    }

    [Fact]
    public async Task WithoutAnId_TheFolderNamesTheRepository()
    {
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush());
        Assert.Equal("ada/out", publisher.Repo.Id);
        await Assert.ThrowsAsync<LapidaryException>(() => StartAsync(client, new HubPush { HubModelId = "a/b/c" }));
    }

    [Fact]
    public async Task AReadmeOfTheUsers_StaysAndIsPushed_OneOfARunIsWrittenAnew()
    {
        Directory.CreateDirectory(Out);
        File.WriteAllText(Path.Combine(Out, "README.md"), "# Mine\n");
        using var client = Client();
        async Task<string> PushAsync(SftConfig config)
        {
            using var publisher = await StartAsync(client, new HubPush { HubModelId = Id });
            Assert.True(Run(config with { OverwriteOutputDir = true }, publisher));
            return File.ReadAllText(Path.Combine(Out, "README.md"));
        }

        await PushAsync(Config);
        Assert.Equal("# Mine\n", File.ReadAllText(Path.Combine(Out, "README.md")));
        Assert.Equal("# Mine\n"u8.ToArray(), Server.Find(Id)!.Head.Files["README.md"].Content.ToArray());

        File.Delete(Path.Combine(Out, "README.md"));
        string first = await PushAsync(Config), second = await PushAsync(Config with { MaxSteps = 2 });
        Assert.NotEqual(first, second);
        File.WriteAllText(Path.Combine(Out, "README.md"), second.Replace("# ", "# My ", StringComparison.Ordinal));
        Assert.Contains("# My ", await PushAsync(Config), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARunThatIsStopped_WaitsSomeSecondsForAnUpload_AndSaysWhatItGaveUp()
    {
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id });
        publisher.Grace = TimeSpan.FromMilliseconds(300);
        Server.Add(HubFault.Late("POST */preupload/*", TimeSpan.FromSeconds(20)));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var hook = new Hook(_messages, step =>
        {
            if (step == 3) stop.Cancel();
        });
        Assert.False(Run(Config, publisher, hook, stop.Token));
        Assert.Contains(_messages, message => message.Contains("given up", StringComparison.Ordinal));
        Assert.True(Directory.Exists(Path.Combine(Out, "checkpoint-3")));

        Server.ClearFaults();
        using var again = await StartAsync(client, new HubPush { HubModelId = Id });
        Assert.True(Run(Config, again, resume: SftTrainer.LatestCheckpoint));
        Assert.Equal(Server.Find(Id)!.Head.Oid, again.Commit);
    }

    [Fact]
    public async Task ARunOfAllWeights_PushesAModel()
    {
        using var client = Client();
        using var publisher = await StartAsync(client, new HubPush { HubModelId = Id, HubStrategy = HubStrategy.Checkpoint });
        Assert.True(Run(Config, publisher, isFull: true));
        Assert.Null(publisher.Failure);
        string[] expected = ["README.md", "config.json", "model.safetensors", "last-checkpoint/model.safetensors"];
        Assert.Empty(expected.Except(Paths()));
        Assert.DoesNotContain(Paths(), path => path.StartsWith("adapter", StringComparison.Ordinal));
        Assert.Contains(_messages, message => message.StartsWith("pushed the final model to ", StringComparison.Ordinal));
    }

    private static void WaitFor(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(60)));

    private string[] Paths() => [.. Server.Find(Id)!.Head.Files.Keys.Order(StringComparer.Ordinal)];

    private HubClient Client(string token = HubTokens.Write) =>
        new(HubSetup.Options(Server.ApiUrl, Path.Combine(_root, "home"), token) with { Time = new ShortWaits() });

    private Task<HubPublisher> StartAsync(HubClient client, HubPush push) =>
        HubPublisher.StartAsync(client, push with { PushToHub = true }, Config, Token);

    private bool Run(
        SftConfig config, HubPublisher? publisher, ITrainingObserver? observer = null, CancellationToken? stop = null,
        string? resume = null, bool isFull = false)
    {
        using var run = new TrainerRun(
            TestDevice.Cpu, config, TrainerRun.RandomRows(8), adapter: null, observer: observer ?? new Hook(_messages, _ => { }),
            eval: TrainerRun.RandomRows(4), publisher: publisher, isFull: isFull);
        run.Trainer.Train(resume, stop ?? Token);
        return run.Trainer.IsComplete;
    }

    private sealed class Hook(List<string> messages, Action<int> onStep) : ITrainingObserver
    {
        public void OnStep(TrainingProgress progress) => onStep(progress.Step);

        public void OnMessage(string message) => messages.Add(message);
    }

    private sealed class ShortWaits : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : dueTime / 100, period);
    }
}
