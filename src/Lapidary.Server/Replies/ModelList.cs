namespace Lapidary.Server.Replies;

/// <summary>The reply of /v1/models.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelInfo> Data);

/// <summary>A model: the base, or one of its adapters, whose parent is the base.</summary>
internal sealed record ModelInfo(string Id, string Object, long Created, string OwnedBy, string Root, string? Parent, int MaxModelLen);

/// <summary>The reply of /health.</summary>
internal sealed record Health(string Status);
