namespace Lapidary.Gemma.Generation;

/// <summary>Admits one caller at a time, in the order of arrival.</summary>
internal sealed class FairGate
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waiting = [];
    private bool _isTaken;

    /// <summary>Waits for the caller's turn.</summary>
    /// <param name="cancellationToken">Ends the wait at once; the later callers move up.</param>
    /// <returns>Ends the turn when disposed; dispose it once.</returns>
    public async ValueTask<Turn> EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return new Turn(this);
            }

            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
        }

        using (cancellationToken.UnsafeRegister(static (turn, token) => ((TaskCompletionSource)turn!).TrySetCanceled(token), turn))
            await turn.Task.ConfigureAwait(false);
        return new Turn(this);
    }

    /// <summary>Waits for the caller's turn on its thread.</summary>
    public Turn Enter()
    {
        var entering = EnterAsync(CancellationToken.None);
        return entering.IsCompletedSuccessfully ? entering.Result : entering.AsTask().GetAwaiter().GetResult();
    }

    private void Leave()
    {
        lock (_lock)
        {
            // A caller that was cancelled in the meantime takes no turn.
            while (_waiting.TryDequeue(out var next))
                if (next.TrySetResult()) return;
            _isTaken = false;
        }
    }

    /// <summary>A caller's turn; by default nobody's, which ends nothing.</summary>
    internal readonly struct Turn(FairGate? gate) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => gate?.Leave();
    }
}
