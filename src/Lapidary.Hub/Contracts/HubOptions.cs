namespace Lapidary.Hub;

/// <summary>Where the Hub is, who asks and where files are kept. <see cref="FromEnvironment"/> has the values of the variables that
/// Python's huggingface_hub reads.</summary>
public sealed partial record HubOptions
{
    /// <summary>The Hub's own address.</summary>
    public static Uri DefaultEndpoint { get; } = new("https://huggingface.co");

    /// <summary>HF_ENDPOINT: scheme, host and port, and a path where a mirror has one.</summary>
    public Uri Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>HF_HUB_CACHE: the folder of the cache, as huggingface_hub lays it out.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>HF_HOME: the folder of the token files.</summary>
    public required string HomeFolder { get; init; }

    /// <summary>HF_TOKEN_PATH: the file of the token in use; the file of all saved tokens lies beside it.</summary>
    public string TokenFile { get => field ?? Path.Combine(HomeFolder, "token"); init; }

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

    /// <summary>HF_HUB_DISABLE_SYMLINKS: whether the cache holds copies where it would hold links, as where links cannot be
    /// made.</summary>
    public bool IsWithoutLinks { get; init; }

    /// <summary>HF_HUB_DISABLE_TELEMETRY, DO_NOT_TRACK: whether the Hub is told the name and version of this program alone.</summary>
    internal bool IsUserAgentShort { get; init; }
}
