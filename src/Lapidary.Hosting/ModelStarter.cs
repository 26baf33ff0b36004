using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Lapidary.Hosting;

/// <summary>Names of the clients of a host.</summary>
internal sealed record ClientName(string Value);

/// <summary>Loads the models of a host from its start on. If a model cannot be loaded, the host stops, as for any background service,
/// because a service without its model would refuse every request.</summary>
internal sealed class ModelStarter(
    IEnumerable<ClientName> names, IOptionsMonitor<LapidaryChatClientOptions> options, SharedModels models) : BackgroundService
{
    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(names
        .Select(name => options.Get(name.Value))
        .Where(client => client.LoadAtStart)
        .Select(client => models.Get(ModelKey.Of(client)).LoadAsync().WaitAsync(stoppingToken)));
}
