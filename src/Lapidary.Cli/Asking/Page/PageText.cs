using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Cli.Asking.Page;

/// <summary>A page with its style and script inside. Its policy allows these two, by their hashes, and calls of its own server.</summary>
/// <param name="html">The page in UTF-8.</param>
/// <param name="policy">Its Content-Security-Policy.</param>
internal sealed class PageText(byte[] html, string policy)
{
    /// <summary>Reads a page of the tool.</summary>
    public static PageText Read(string name)
    {
        using var asset = typeof(PageText).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(asset);
        string html = reader.ReadToEnd().ReplaceLineEndings("\n"); // as browsers hash it
        return new PageText(
            Encoding.UTF8.GetBytes(html),
            $"default-src 'none'; script-src {Hash(html, "script")}; style-src {Hash(html, "style")}; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    }

    /// <summary>Sends it.</summary>
    public async Task SendAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = html.Length;
        response.Headers.ContentSecurityPolicy = policy;
        response.Headers.CacheControl = "no-cache";
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (HttpMethods.IsHead(context.Request.Method)) return;
        await response.Body.WriteAsync(html, context.RequestAborted).ConfigureAwait(false);
    }

    private static string Hash(string html, string element)
    {
        int start = html.IndexOf($"<{element}>", StringComparison.Ordinal) + element.Length + 2;
        string text = html[start..html.IndexOf($"</{element}>", StringComparison.Ordinal)];
        return $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";
    }
}
