namespace Lapidary.TestHub;

/// <summary>Which of the server's hosts a request reached.</summary>
public enum HubHost
{
    /// <summary>The Hub itself.</summary>
    Api,

    /// <summary>Signed URLs.</summary>
    Storage,

    /// <summary>A host that is no business of the client's: the target of hostile redirects and links.</summary>
    Foreign,
}

/// <summary>A request as it arrived, and what became of it. The values of Authorization are not kept.</summary>
public sealed class HubRequest
{
    private long _bytesSent, _bytesReceived;

    internal HubRequest(int number, HubHost host, string method, string target, Dictionary<string, string> headers, bool authorized)
    {
        (Number, Host, Method, Headers, HasAuthorization) = (number, host, method, headers, authorized);
        int query = target.IndexOf('?', StringComparison.Ordinal);
        RawPath = query < 0 ? target : target[..query];
        Query = query < 0 ? "" : target[(query + 1)..];
        Path = Uri.UnescapeDataString(RawPath);
    }

    /// <summary>In the order of arrival, from 1.</summary>
    public int Number { get; }

    public HubHost Host { get; }

    public string Method { get; }

    /// <summary>Percent-decoded, without the query.</summary>
    public string Path { get; }

    /// <summary>As sent, without the query.</summary>
    public string RawPath { get; }

    /// <summary>As sent, without "?".</summary>
    public string Query { get; }

    /// <summary>Without Authorization.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    public bool HasAuthorization { get; }

    /// <summary>The account of the token, or null.</summary>
    public string? User { get; internal set; }

    /// <summary>0 until the answer begins.</summary>
    public int Status { get; internal set; }

    /// <summary>Bytes of the answer's body.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Bytes of the request's body that were read.</summary>
    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    public override string ToString() => $"{Number} {Host} {Method} {RawPath}{(Query.Length > 0 ? "?" + Query : "")} {Status}";

    internal void Sent(long bytes) => Interlocked.Add(ref _bytesSent, bytes);

    internal void Received(long bytes) => Interlocked.Add(ref _bytesReceived, bytes);
}
