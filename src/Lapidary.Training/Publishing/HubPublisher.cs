using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Gemma.Cards;
using Lapidary.Hub;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Publishing;

namespace Lapidary.Training;

/// <summary>Pushes a run to the Hub: checkpoints during training, the result at the end. Only its start can fail a run: it refuses,
/// before training, what could not be pushed. Later uploads neither fail the run nor delay its training.</summary>
/// <remarks>Assign it to <see cref="SftTrainer.Publisher"/> of rank 0. It serves one run.</remarks>
public sealed class HubPublisher : IDisposable
{
    private const string LastCheckpoint = "last-checkpoint";

    /// <summary>Attempts at the final push; each attempt retries its requests.</summary>
    private const int FinalAttempts = 3;

    private static readonly string[] CheckpointOnly = [OptimizerFile.FileName, RunState.FileName, TrainerState.FileName];

    private readonly HubPush _push;
    private readonly TimeProvider _time;
    private readonly PushQueue _queue;

    private HubPublisher(HubClient client, HubPush push, HubRepo repo)
    {
        (_push, Repo, _time) = (push, repo, client.Options.Time);
        _queue = new PushQueue(client, repo, keepsFolders: push.HubStrategy == HubStrategy.AllCheckpoints);
    }

    /// <summary>The target repository, with its owner.</summary>
    public HubRepo Repo { get; }

    /// <summary>The commit of the last push: 40 hex digits; null before the first push.</summary>
    public string? Commit => _queue.Commit;

    /// <summary>The repository's page; null before the first push.</summary>
    internal string? Page => _queue.Page;

    /// <summary>One line that says why the final push failed and what to do; null if it succeeded.</summary>
    public string? Failure { get; private set; }

    /// <summary>How to push a folder by hand, set by a caller that has a command for it.</summary>
    internal Func<string, string> ByHand { get; set; } = _ => "upload that folder by hand.";

    /// <summary>How long a stopped run waits for an upload.</summary>
    internal TimeSpan Grace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the run waited for its last push.</summary>
    internal TimeSpan TimeWaited { get; private set; }

    /// <summary>Creates the repository if it is missing, and checks that it can be written to.</summary>
    /// <param name="client">The Hub client; it must outlive this object.</param>
    /// <param name="push">What to push, and where.</param>
    /// <param name="config">Its output_dir names the repository if nothing else does.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="HubException">No token is set, the token may not write to the repository, or the Hub cannot be reached.</exception>
    /// <exception cref="LapidaryException">The Hub does not allow the name.</exception>
    public static async Task<HubPublisher> StartAsync(
        HubClient client, HubPush push, SftConfig config, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(push);
        ArgumentNullException.ThrowIfNull(config);
        string id = push.HubModelId ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(config.OutputDir)));
        if (!HubRepo.IsId(id))
        {
            throw new LapidaryException(
                $"HubModelId: expected owner/name (letters, digits, '-', '_' and '.'), found \"{id}\""
                + (push.HubModelId is null ? ", the name of OutputDir; set HubModelId." : "; check it."));
        }

        if (client.Options is { Token: null, IsOffline: false, Endpoint: var hub })
        {
            var page = new Uri(hub, "/settings/tokens");
            throw new HubException(HubError.Token,
                $"PushToHub: expected a token that may write, found none; make one at {page} and log in with it (\"lapidary login\"), or "
                + "set HF_TOKEN. Without a push: set PushToHub to false.");
        }

        var options = new UploadOptions { Private = push.HubPrivateRepo };
        return new HubPublisher(
            client, push, await client.PrepareUploadAsync(new HubRepo(id), options, cancellation).ConfigureAwait(false));
    }

    /// <summary>Cancels running uploads.</summary>
    public void Dispose() => _queue.Dispose();

    /// <summary>Keys and values for run.yaml, so that a resumed run is pushed to the same repository.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Settings() =>
    [
        new("push_to_hub", "true"), new("hub_model_id", Repo.Id), new("hub_strategy", RunSettings.Format(_push.HubStrategy)!),
        new("hub_private_repo", RunSettings.Format(_push.HubPrivateRepo)!),
    ];

    /// <summary>Reports pending messages; called between steps.</summary>
    internal void Tell(ITrainingObserver observer)
    {
        while (_queue.Messages.TryDequeue(out string? message)) observer.OnMessage(message);
    }

    /// <summary>Reports what others will see of a run that its user may not expect.</summary>
    internal static void Announce(LoraConfig lora, ITrainingObserver observer)
    {
        if (lora.BaseModelNameOrPath is { } path && ModelCard.IdOf(path) is null)
        {
            observer.OnMessage(
                $"note: {AdapterFile} will name the base as {path}, which others do not have; give the base by its id of the Hub.");
        }
    }

    /// <summary>Uploads a saved checkpoint in the background.</summary>
    internal void Add(string checkpoint, string outputDir, RunCard card)
    {
        if (_push.HubStrategy == HubStrategy.End) return;
        string name = Path.GetFileName(checkpoint);
        try
        {
            var files = Directory.GetFiles(checkpoint).Where(file => !CheckpointOnly.Contains(Path.GetFileName(file)));
            var staged = Stage(outputDir, name, $"Training in progress, step {card.State.GlobalStep}", card, files);
            AddCheckpoint(staged, checkpoint);
            _queue.Add(staged);
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            _queue.Messages.Enqueue($"warning: {name} is not pushed, the run goes on ({Printable.Line(e.Message)})");
        }
    }

    /// <summary>Uploads the result of a run and waits for it. If this fails, <see cref="Failure"/> has the reason.</summary>
    /// <param name="outputDir">The run's folder.</param>
    /// <param name="files">Files of the result in it.</param>
    /// <param name="checkpoint">The newest checkpoint, or null.</param>
    /// <param name="card">The run's card.</param>
    /// <param name="cancellation">Cancels the call.</param>
    internal void Complete(
        string outputDir, IEnumerable<string> files, string? checkpoint, RunCard card, CancellationToken cancellation)
    {
        long started = _time.GetTimestamp();
        try
        {
            _queue.Wait(Timeout.InfiniteTimeSpan, cancellation);
            cancellation.ThrowIfCancellationRequested();
            using var staged = Stage(outputDir, card.Lora is null ? "the final model" : "the final adapter", "End of training", card, files);
            if (checkpoint is not null && _push.HubStrategy == HubStrategy.Checkpoint) AddCheckpoint(staged, checkpoint);
            Send(staged, cancellation);
        }
        catch (OperationCanceledException)
        {
            Fail(outputDir, "stopped", card.Lora is null);
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            Fail(outputDir, Printable.Line(e.Message), card.Lora is null);
        }

        TimeWaited = _time.GetElapsedTime(started);
    }

    /// <summary>Lets a stopped run end early: running uploads get a few seconds.</summary>
    internal void Interrupt()
    {
        if (_queue.Wait(Grace, CancellationToken.None)) return;
        string what = _queue.Current ?? "the last checkpoint";
        _queue.Stop();
        _queue.Messages.Enqueue(
            $"the upload of {what} to {Repo.Id} was given up after {Grace.TotalSeconds:0} s; it is made up for when the run goes on.");
    }

    private const string AdapterFile = Gemma.Lora.AdapterConfigFile.FileName;

    private static StagedPush Stage(string outputDir, string what, string message, RunCard card, IEnumerable<string> files)
    {
        var own = files.Where(file => Path.GetFileName(file) != ModelCard.FileName);
        return StagedPush.Create(outputDir, what, message, CardFile.TextFor(outputDir, card.ToText()), own);
    }

    private void AddCheckpoint(StagedPush staged, string checkpoint)
    {
        try
        {
            if (_push.HubStrategy == HubStrategy.Checkpoint) staged.AddFolder(checkpoint, LastCheckpoint);
            else if (_push.HubStrategy == HubStrategy.AllCheckpoints) staged.AddFolder(checkpoint, Path.GetFileName(checkpoint));
        }
        catch
        {
            staged.Dispose();
            throw;
        }
    }

    private void Send(StagedPush staged, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                _queue.SendAsync(staged, cancellation).GetAwaiter().GetResult();
                _queue.Messages.Enqueue($"pushed {staged.What} to {Repo.Id}");
                return;
            }
            catch (HubException e) when (attempt < FinalAttempts && e.Error is not HubError.Token)
            {
                Task.Delay(TimeSpan.FromSeconds(attempt * 2), _time, cancellation).GetAwaiter().GetResult();
            }
        }
    }

    private void Fail(string outputDir, string why, bool isModel) =>
        Failure = $"{Repo.Id}: the final {(isModel ? "model" : "adapter")} could not be pushed ({why.TrimEnd('.')}), and is whole in {outputDir}; "
            + ByHand(outputDir);
}
