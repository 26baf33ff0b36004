namespace Lapidary.Hub;

/// <summary>Endpoint, token, folders and limits. <see cref="FromEnvironment"/> reads the variables of Python's huggingface_hub.</summary>
public sealed partial record HubOptions
{
    /// <summary>The Hub's public address.</summary>
    public static Uri DefaultEndpoint { get; } = new("https://huggingface.co");

    /// <summary>HF_ENDPOINT: scheme, host and port, and optionally the path of a mirror.</summary>
    public Uri Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>HF_HUB_CACHE: the folder of the cache, in huggingface_hub's layout.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>HF_HOME: the folder of the token files.</summary>
    public required string HomeFolder { get; init; }

    /// <summary>HF_TOKEN_PATH: the file of the active token. The file of all saved tokens is in the same folder.</summary>
    public string TokenFile { get => field ?? Path.Combine(HomeFolder, "token"); init; }

    /// <summary>The token, or null. It is sent only to <see cref="Endpoint"/>.</summary>
    public HubToken? Token { get; init; }

    /// <summary>HF_HUB_OFFLINE: use only the cache and make no request.</summary>
    public bool IsOffline { get; init; }

    /// <summary>HF_HUB_ETAG_TIMEOUT: how long a request for metadata may take.</summary>
    public TimeSpan MetadataTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>HF_HUB_DOWNLOAD_TIMEOUT: how long a transfer may pause.</summary>
    public TimeSpan TransferTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Number of parallel transfers.</summary>
    public int MaxParallel { get; init; } = 8;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Receives one-line messages for the user: a warning of the Hub, a fallback to the cache.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>HF_HUB_DISABLE_SYMLINKS: whether the cache holds copies instead of links, as on systems without links.</summary>
    public bool IsWithoutLinks { get; init; }

    /// <summary>HF_HUB_DISABLE_TELEMETRY, DO_NOT_TRACK: whether requests tell the Hub only the name and version of this program.</summary>
    internal bool IsUserAgentShort { get; init; }
}
