using System.Collections.Concurrent;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub;

namespace Lapidary.Training.Publishing;

/// <summary>Uploads what is staged, one after the other, beside the run. While one is under way only the newest of the others is kept. A
/// failure is a message: the next one brings what this one did not.</summary>
/// <param name="client">The Hub.</param>
/// <param name="repo">Where to.</param>
/// <param name="keepsFolders">Whether folders of what is not sent go with the next.</param>
internal sealed class PushQueue(HubClient client, HubRepo repo, bool keepsFolders) : IDisposable
{
    private readonly Lock _guard = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _messages = new();
    private StagedPush? _pending, _unsent;
    private Task _running = Task.CompletedTask;
    private bool _isRunning;

    /// <summary>What there is to say: one line each, told once.</summary>
    public ConcurrentQueue<string> Messages => _messages;

    /// <summary>The commit of the last upload, or null.</summary>
    public string? Commit { get; private set; }

    /// <summary>What is being sent, or waits for it; null for nothing.</summary>
    public string? Current { get; private set; }

    /// <summary>Sends something when its turn comes.</summary>
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

    /// <summary>Waits until nothing is under way.</summary>
    /// <returns>Whether that came in time.</returns>
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

    /// <summary>Sends something now, with what was not sent; there is nothing else under way.</summary>
    /// <exception cref="LapidaryException">It could not be sent.</exception>
    public async Task SendAsync(StagedPush push, CancellationToken cancellation)
    {
        lock (_guard)
        {
            if (_unsent is { } older && keepsFolders) push.TakeFolders(older);
        }

        await UploadAsync(push, cancellation).ConfigureAwait(false);
    }

    /// <summary>Gives up what is under way.</summary>
    public void Stop()
    {
        _stop.Cancel();
        try
        {
            _running.Wait(TimeSpan.FromSeconds(5));
        }
        catch (AggregateException)
        {
            // It was told as a message.
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
                // Whoever stopped it says so.
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
        Commit = result.Commit;
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

    /// <summary>Folders that cannot be moved are not pushed; the run does not end by that.</summary>
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
