using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Http;

/// <summary>Decides who is let in.</summary>
/// <param name="options">The keys.</param>
/// <param name="isLocal">Whether only this machine can reach the server.</param>
internal sealed class Gatekeeper(LapidaryServerOptions options, bool isLocal)
{
    private const string Scheme = "Bearer ";

    // Digests have one length, so that a comparison's time tells nothing.
    private readonly byte[][] _keys = [.. options.ApiKeys.Select(Digest)];

    /// <summary>Refuses a caller without a key.</summary>
    /// <returns>The caller.</returns>
    /// <exception cref="ApiException">401; or 403, see <see cref="RequireKnownHost"/>.</exception>
    public Caller Check(HttpRequest request)
    {
        if (_keys.Length == 0)
        {
            if (isLocal && !options.AllowNoKey) RequireKnownHost(request.Host.Host);
            return Caller.Of(request);
        }

        string given = request.Headers.Authorization.ToString();
        if (!given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw Unauthorized("This server needs an API key: send it as \"Authorization: Bearer KEY\".");
        byte[] digest = Digest(given[Scheme.Length..].Trim());
        int known = -1;
        for (int i = 0; i < _keys.Length; i++)
            if (CryptographicOperations.FixedTimeEquals(_keys[i], digest)) known = i;
        if (known < 0) throw Unauthorized("The API key is not one of this server's.");
        return Caller.OfKey(known);
    }

    /// <summary>Without a key a web page must not reach the server by a name of its own that leads to this machine (DNS rebinding).
    /// </summary>
    private void RequireKnownHost(string host)
    {
        if (host.Length == 0 || IPAddress.TryParse(host.Trim('[', ']'), out _)
            || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)) return;
        const string Message = "Host: expected localhost or an address, because this server has no API key; to use other names, start it "
            + "with one, or set allow_no_key to true.";
        throw new ApiException(
            StatusCodes.Status403Forbidden, ApiException.InvalidRequest, "host_not_allowed", null,
            options.Words?.Invoke(Message) ?? Message);
    }

    private static ApiException Unauthorized(string message) =>
        new(StatusCodes.Status401Unauthorized, ApiException.InvalidRequest, "invalid_api_key", null, message);

    private static byte[] Digest(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
