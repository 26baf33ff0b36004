using Lapidary.Hub;

namespace Lapidary.Tests;

/// <summary>A client of a stand-in for the Hub, with a cache and a home of the test.</summary>
internal static class HubSetup
{
    /// <summary>Options of a client that no slow machine times out.</summary>
    /// <param name="endpoint">The stand-in.</param>
    /// <param name="home">Folder of saved tokens, with the cache below it.</param>
    /// <param name="token">The token of the environment; null for none.</param>
    public static HubOptions Options(string endpoint, string home, string? token = null) => new()
    {
        Endpoint = new Uri(endpoint),
        HomeFolder = home,
        CacheFolder = Path.Combine(home, "hub"),
        Token = token is null ? null : new HubToken(token, "HF_TOKEN"),
        MetadataTimeout = TimeSpan.FromSeconds(30),
    };
}
