namespace Lapidary.Hub;

/// <summary>Where the Hub is, who asks and where files are kept. <see cref="FromEnvironment"/> has the values of the variables that
/// Python's huggingface_hub reads.</summary>
public sealed record HubOptions
{
    /// <summary>The Hub's own address.</summary>
    public static Uri DefaultEndpoint { get; } = new("https://huggingface.co");

    /// <summary>HF_ENDPOINT: scheme, host and port, no path at its end.</summary>
    public Uri Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>HF_HUB_CACHE: the folder of the cache, as huggingface_hub lays it out.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>HF_HOME: the folder of the token files.</summary>
    public required string HomeFolder { get; init; }

    /// <summary>The token, or null for none. It goes to <see cref="Endpoint"/> alone.</summary>
    public HubToken? Token { get; init; }

    /// <summary>HF_HUB_OFFLINE: only what is cached; no request is made.</summary>
    public bool IsOffline { get; init; }

    /// <summary>HF_HUB_ETAG_TIMEOUT: how long a request for metadata may take.</summary>
    public TimeSpan MetadataTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>HF_HUB_DOWNLOAD_TIMEOUT: how long a transfer may stand still.</summary>
    public TimeSpan TransferTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Files that are transferred at once.</summary>
    public int MaxParallel { get; init; } = 8;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Told things the user should know, one line each: a warning of the Hub, a fall back to the cache.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>The values of HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_HUB_OFFLINE and the others, and the token file.</summary>
    public static HubOptions FromEnvironment() => throw new NotImplementedException();
}
