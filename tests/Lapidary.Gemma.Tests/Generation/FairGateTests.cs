using Lapidary.Gemma.Generation;

namespace Lapidary.Gemma.Tests.Generation;

public class FairGateTests
{
    private readonly FairGate _gate = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Enter_LetsInOneAtATime_InTheirOrder()
    {
        var first = await _gate.EnterAsync(Token);
        var waiting = Enumerable.Range(0, 5).Select(_ => _gate.EnterAsync(Token).AsTask()).ToArray();
        Assert.All(waiting, task => Assert.False(task.IsCompleted));

        first.Dispose();
        for (int i = 0; i < waiting.Length; i++)
        {
            using var turn = await waiting[i];
            Assert.All(waiting[(i + 1)..], task => Assert.False(task.IsCompleted));
        }

        using var last = await _gate.EnterAsync(Token);
    }

    [Fact]
    public async Task ACancelledCaller_LeavesAtOnce_AndTakesNoTurn()
    {
        using var source = new CancellationTokenSource();
        var first = await _gate.EnterAsync(Token);
        var impatient = _gate.EnterAsync(source.Token).AsTask();
        var patient = _gate.EnterAsync(Token).AsTask();

        await source.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.False(patient.IsCompleted);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _gate.EnterAsync(source.Token).AsTask());

        first.Dispose();
        (await patient).Dispose();
        (await _gate.EnterAsync(Token)).Dispose();
    }
}
