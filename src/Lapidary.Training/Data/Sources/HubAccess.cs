using Lapidary.Hub;

namespace Lapidary.Training.Data.Sources;

/// <summary>Calls the Hub synchronously: rows are read by one thread, which has no other work.</summary>
internal interface IHubAccess
{
    /// <summary>Makes a call.</summary>
    /// <param name="name">The repository, for people.</param>
    /// <param name="call">The call; it may take long.</param>
    T Ask<T>(string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, Task<T>> call);
}

/// <summary>The caller's client, or a new one per call, configured by the environment.</summary>
internal sealed class HubAccess(HubClient? client) : IHubAccess
{
    public T Ask<T>(string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, Task<T>> call)
    {
        using var own = client is null ? new HubClient() : null;
        return call(client ?? own!, null, CancellationToken.None).GetAwaiter().GetResult();
    }
}
