using Lapidary.Hub;

namespace Lapidary.Training.Data.Sources;

/// <summary>Asks the Hub, and waits for what it says: rows are read by one thread, which has nothing else to do.</summary>
internal interface IHubAccess
{
    /// <summary>Asks something.</summary>
    /// <param name="name">The repository, for people.</param>
    /// <param name="call">What; it may take long.</param>
    T Ask<T>(string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, Task<T>> call);
}

/// <summary>A program's client, or one after the environment for each call.</summary>
internal sealed class HubAccess(HubClient? client) : IHubAccess
{
    public T Ask<T>(string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, Task<T>> call)
    {
        using var own = client is null ? new HubClient() : null;
        return call(client ?? own!, null, CancellationToken.None).GetAwaiter().GetResult();
    }
}
