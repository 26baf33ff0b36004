using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Http;

/// <summary>What a program serves beside the API: a page at "/" and the paths that it calls.</summary>
internal interface IServerPage
{
    /// <summary>Whether a path is one that the page calls.</summary>
    bool Owns(string path);

    /// <summary>Sends the page. It has no data, so that it needs no key.</summary>
    Task SendAsync(HttpContext context);

    /// <summary>Answers a call of a caller who was let in.</summary>
    /// <exception cref="ApiException">The caller's mistake.</exception>
    Task HandleAsync(HttpContext context, string path);
}
