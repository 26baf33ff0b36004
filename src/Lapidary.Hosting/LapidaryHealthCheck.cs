using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Lapidary.Hosting;

/// <summary>Healthy if every model that is loaded at the start can answer; unhealthy while a model is loading or after it failed.</summary>
internal sealed class LapidaryHealthCheck(
    IEnumerable<ClientName> names, IOptionsMonitor<LapidaryChatClientOptions> options, SharedModels models) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Dictionary<string, object> states = [];
        Exception? error = null;
        bool isReady = true;
        foreach (var name in names)
        {
            var client = options.Get(name.Value);
            var model = models.Get(ModelKey.Of(client));
            string state = model.Loading switch
            {
                null => "not loaded",
                { IsCompletedSuccessfully: true } => "ready",
                { IsFaulted: true } => "failed",
                _ => "loading",
            };
            states[model.Key.ToString()] = state;
            isReady &= state == "ready" || (state == "not loaded" && !client.LoadAtStart);
            error ??= model.Loading?.Exception?.InnerException;
        }

        string description = string.Join(", ", states.Select(entry => $"{entry.Key}: {entry.Value}"));
        return Task.FromResult(isReady
            ? HealthCheckResult.Healthy(description, states)
            : new HealthCheckResult(context.Registration.FailureStatus, description, error, states));
    }
}
