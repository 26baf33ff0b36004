using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Lapidary.Hosting;

/// <summary>Registers Gemma for dependency injection.</summary>
public static class LapidaryServiceCollectionExtensions
{
    /// <summary>Adds a Gemma model as the <see cref="IChatClient"/> of the services: a singleton for any number of callers.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; null if they are bound elsewhere, as with
    /// <c>services.Configure&lt;LapidaryChatClientOptions&gt;(configuration.GetSection("Lapidary"))</c>. They are checked when the host
    /// starts.</param>
    /// <returns>A builder that adds logging, function calls, caching and other features of Microsoft.Extensions.AI to the client.</returns>
    public static ChatClientBuilder AddLapidaryChatClient(
        this IServiceCollection services, Action<LapidaryChatClientOptions>? configure = null)
    {
        AddShared(services, Options.DefaultName, configure);
        return services.AddChatClient(provider => Create(provider, Options.DefaultName));
    }

    /// <summary>Adds a Gemma model as a keyed <see cref="IChatClient"/>. Clients with the same model share it.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The client's key, which is also the name of its options.</param>
    /// <param name="configure">See <see cref="AddLapidaryChatClient"/>.</param>
    /// <returns>See <see cref="AddLapidaryChatClient"/>.</returns>
    public static ChatClientBuilder AddKeyedLapidaryChatClient(
        this IServiceCollection services, string serviceKey, Action<LapidaryChatClientOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        AddShared(services, serviceKey, configure);
        return services.AddKeyedChatClient(serviceKey, provider => Create(provider, serviceKey));
    }

    /// <summary>Adds a check that is healthy when the models of all clients are loaded.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="failureStatus">The status while a model is loading or after it failed; null for unhealthy.</param>
    /// <param name="tags">Tags, such as "ready", that endpoints use to select checks.</param>
    public static IHealthChecksBuilder AddLapidary(
        this IHealthChecksBuilder builder, string name = "lapidary", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        AddModels(builder.Services);
        return builder.AddCheck<LapidaryHealthCheck>(name, failureStatus, tags ?? []);
    }

    private static void AddShared(IServiceCollection services, string name, Action<LapidaryChatClientOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        AddModels(services);
        var options = services.AddOptions<LapidaryChatClientOptions>(name).ValidateOnStart();
        if (configure is not null) options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LapidaryChatClientOptions>, OptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ModelStarter>());
        services.AddSingleton(new ClientName(name));
    }

    private static void AddModels(IServiceCollection services)
    {
        services.AddOptions();
        services.TryAddSingleton(provider => new SharedModels(provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance));
    }

    private static HostedChatClient Create(IServiceProvider provider, string name)
    {
        var options = provider.GetRequiredService<IOptionsMonitor<LapidaryChatClientOptions>>().Get(name);
        return new HostedChatClient(provider.GetRequiredService<SharedModels>().Get(ModelKey.Of(options)), options.ModelId);
    }
}
