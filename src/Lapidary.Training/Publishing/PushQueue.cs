using System.Collections.Concurrent;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Training.Publishing;

/// <summary>Uploads staged folders one after the other, in the background. During an upload, only the newest waiting folder is kept. A
/// failed upload only causes a message, and the next upload includes its files.</summary>
/// <param name="client">The Hub.</param>
/// <param name="repo">The target repository.</param>
/// <param name="keepsFolders">Whether the next push includes the checkpoint folders of a skipped or failed one.</param>
internal sealed class PushQueue(HubClient client, HubRepo repo, bool keepsFolders) : IDisposable
{
    private readonly Lock _guard = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _messages = new();
    private StagedPush? _pending, _unsent;
    private Task _running = Task.CompletedTask;
    private bool _isRunning;

    /// <summary>Pending messages, one line each; each is reported once.</summary>
    public ConcurrentQueue<string> Messages => _messages;

    /// <summary>The commit of the last upload, or null.</summary>
    public string? Commit { get; private set; }

    /// <summary>The repository's page; null before the first upload.</summary>
    public string? Page { get; private set; }

    /// <summary>The current or waiting push; null if there is none.</summary>
    public string? Current { get; private set; }

    /// <summary>Queues a push.</summary>
    public void Add(StagedPush push)
    {
        lock (_guard)
        {
            Replace(ref _pending, push);
            if (_isRunning) return;
            _isRunning = true;
            _running = Task.Run(RunAsync);
        }
    }

    /// <summary>Waits until no upload is running.</summary>
    /// <returns>Whether the uploads ended in time.</returns>
    public bool Wait(TimeSpan time, CancellationToken cancellation)
    {
        try
        {
            return _running.Wait(time, cancellation);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Uploads a push now, together with earlier pushes that were not uploaded. No other upload is running.</summary>
    /// <exception cref="LapidaryException">The upload failed.</exception>
    public async Task SendAsync(StagedPush push, CancellationToken cancellation)
    {
        lock (_guard)
        {
            if (_unsent is { } older && keepsFolders) push.TakeFolders(older);
        }

        await UploadAsync(push, cancellation).ConfigureAwait(false);
    }

    /// <summary>Cancels running uploads.</summary>
    public void Stop()
    {
        _stop.Cancel();
        try
        {
            _running.Wait(TimeSpan.FromSeconds(5));
        }
        catch (AggregateException)
        {
            // It was reported as a message.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        lock (_guard)
        {
            _pending?.Dispose();
            _unsent?.Dispose();
            (_pending, _unsent) = (null, null);
        }

        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            StagedPush push;
            lock (_guard)
            {
                if (_pending is null || _stop.IsCancellationRequested)
                {
                    _isRunning = false;
                    return;
                }

                (push, _pending) = (_pending, null);
                if (keepsFolders && _unsent is { } older) Quietly(() => push.TakeFolders(older));
            }

            bool isSent = false;
            try
            {
                Current = push.What;
                await UploadAsync(push, _stop.Token).ConfigureAwait(false);
                isSent = true;
                _messages.Enqueue($"pushed {push.What} to {repo.Id}");
            }
            catch (OperationCanceledException)
            {
                // The caller that cancelled it reports this.
            }
            catch (Exception e)
            {
                string why = e is LapidaryException ? e.Message : $"{e.GetType().Name}: {Printable.Line(e.Message)}";
                _messages.Enqueue($"warning: {push.What} could not be pushed, the run goes on and tries again later ({why})");
            }
            finally
            {
                Current = null;
                lock (_guard)
                {
                    if (isSent || !keepsFolders) push.Dispose();
                    else Replace(ref _unsent, push);
                }
            }
        }
    }

    private async Task UploadAsync(StagedPush push, CancellationToken cancellation)
    {
        var result = await client.UploadAsync(push.Folder, repo, new UploadOptions { CommitMessage = push.Message }, cancellation)
            .ConfigureAwait(false);
        (Commit, Page) = (result.Commit, result.Url);
    }

    private void Replace(ref StagedPush? place, StagedPush push)
    {
        if (place is { } older)
        {
            if (keepsFolders) Quietly(() => push.TakeFolders(older));
            older.Dispose();
        }

        place = push;
    }

    /// <summary>Folders that cannot be moved are not pushed; this does not end the run.</summary>
    private void Quietly(Action move)
    {
        try
        {
            move();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            _messages.Enqueue($"warning: checkpoints that were not pushed yet are left out ({Printable.Line(e.Message)})");
        }
    }
}
