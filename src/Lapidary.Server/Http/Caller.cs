using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Http;

/// <summary>Whose turn it is: callers share a model evenly.</summary>
/// <param name="Name">The number of the API key; without keys the address.</param>
/// <param name="HasKey">Whether it has a key. There are few keys, but any number of addresses.</param>
internal sealed record Caller(string Name, bool HasKey)
{
    /// <summary>The caller with a key.</summary>
    public static Caller OfKey(int index) => new($"key {index}", HasKey: true);

    /// <summary>A caller of a server without keys.</summary>
    public static Caller Of(HttpRequest request) =>
        new(request.HttpContext.Connection.RemoteIpAddress?.ToString() ?? "", HasKey: false);
}
