namespace Lapidary.Engine.Distributed;

/// <summary>What needs no end.</summary>
internal sealed class Nothing : IDisposable
{
    public static Nothing ToDispose { get; } = new();

    public void Dispose()
    {
    }
}
