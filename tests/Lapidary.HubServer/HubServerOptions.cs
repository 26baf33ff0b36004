namespace Lapidary.TestHub;

/// <summary>How a server behaves. The defaults take every client that keeps to the protocol; <see cref="ForLapidary"/> asks for more.
/// </summary>
public sealed record HubServerOptions
{
    /// <summary>0 is any free port.</summary>
    public int Port { get; init; }

    /// <summary>0 is any free port.</summary>
    public int StoragePort { get; init; }

    /// <summary>The User-Agent must begin so; empty asks only that there is one.</summary>
    public string UserAgent { get; init; } = "";

    /// <summary>verify must be called before the commit where the batch offered it; JS never does.</summary>
    public bool RequiresVerify { get; init; }

    /// <summary>A README.md must have been sent to validate-yaml before it is committed; JS never does.</summary>
    public bool RequiresYamlCheck { get; init; }

    /// <summary>PUT must have Content-Length (S3 wants it); Node may send chunks.</summary>
    public bool RequiresContentLength { get; init; }

    /// <summary>Range requests must come with Accept-Encoding: identity, or without one.</summary>
    public bool RequiresIdentityForFiles { get; init; }

    /// <summary>Entries of a tree's page.</summary>
    public int PageSize { get; init; } = 1000;

    /// <summary>Entries of a tree's page with expand=true.</summary>
    public int ExpandedPageSize { get; init; } = 50;

    /// <summary>From this size on a client that knows multipart is given parts.</summary>
    public long MultipartFrom { get; init; } = 16 << 20;

    public long PartBytes { get; init; } = 8 << 20;

    public TimeSpan SignedUrlLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Null is no limit.</summary>
    public HubRateLimit? RateLimit { get; init; }

    /// <summary>Headers of Xet with LFS files, and xetHash in the tree: a client without Xet ignores them.</summary>
    public bool AnnouncesXet { get; init; }

    /// <summary>False leaves every optional key out of the repository's info.</summary>
    public bool SendsOptionalKeys { get; init; } = true;

    /// <summary>Keys that no client knows, in every JSON answer about repositories and files.</summary>
    public bool SendsUnknownKeys { get; init; }

    /// <summary>LFS uploads are hashed and thrown away: for measurements. They cannot be downloaded.</summary>
    public bool DiscardsUploads { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>All checks that our own client must pass.</summary>
    public static HubServerOptions ForLapidary { get; } = new()
    {
        UserAgent = "lapidary/",
        RequiresVerify = true,
        RequiresYamlCheck = true,
        RequiresContentLength = true,
        RequiresIdentityForFiles = true,
        SendsUnknownKeys = true,
    };
}

/// <summary>Requests of one account in a window.</summary>
/// <param name="UsesRetryAfter">The refusal has Retry-After in place of RateLimit.</param>
public sealed record HubRateLimit(int Api, int Resolvers, TimeSpan Window, bool UsesRetryAfter = false);
