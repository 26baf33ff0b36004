using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lapidary.Hub.Http;

/// <content>Answers in JSON.</content>
internal sealed partial class HubHttp
{
    private const int MaxJsonBytes = 64 << 20;

    private static readonly JsonDocumentOptions Json = new() { MaxDepth = 64 };

    /// <summary>Sends a request with a JSON answer.</summary>
    /// <exception cref="HubException">The Hub refused, cannot be reached, or answers something else.</exception>
    public async Task<JsonNode> SendJsonAsync(HubCall call, CancellationToken cancellation)
    {
        using var answer = await SendAsync(call, cancellation).ConfigureAwait(false);
        return await ReadJsonAsync(call, answer, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads an answer's body, which must be JSON of at most 64 MiB.</summary>
    public async Task<JsonNode> ReadJsonAsync(HubCall call, HubAnswer answer, CancellationToken cancellation)
    {
        try
        {
            byte[] body = await ReadBodyAsync(answer, MaxJsonBytes, cancellation).ConfigureAwait(false)
                ?? throw HubErrors.NoHub(call, $"an answer of more than {MaxJsonBytes >> 20} MiB");
            return JsonNode.Parse(body, documentOptions: Json) ?? throw HubErrors.NoHub(call, "an empty answer");
        }
        catch (JsonException)
        {
            throw HubErrors.NoHub(call, "an answer that is not JSON");
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or IOException or InvalidDataException)
        {
            throw _errors.OfNetwork(call, answer.Url, e);
        }
    }

    /// <summary>The items of all pages of a list; the next page's address must be on the endpoint.</summary>
    /// <exception cref="HubException">The Hub refused, cannot be reached, or answers something else.</exception>
    public async Task<List<JsonNode>> SendPagesAsync(HubCall call, int maxItems, CancellationToken cancellation)
    {
        var items = new List<JsonNode>();
        var seen = new HashSet<string>();
        for (Uri? url = call.Url; url is not null;)
        {
            if (!seen.Add(url.AbsoluteUri)) throw HubErrors.NoHub(call, "pages of a list that lead in a circle");
            var page = call with { Url = url };
            using var answer = await SendAsync(page, cancellation).ConfigureAwait(false);
            if (await ReadJsonAsync(page, answer, cancellation).ConfigureAwait(false) is not JsonArray list)
                throw HubErrors.NoHub(call, "an answer that is not a list");
            if (items.Count + list.Count > maxItems) throw HubErrors.NoHub(call, $"a list of more than {maxItems} entries");
            items.AddRange(list.Select(item => item ?? throw HubErrors.NoHub(call, "a list with an empty entry")));
            url = NextPage(call, answer);
        }

        return items;
    }

    /// <summary>The error for an answer that no Hub sends.</summary>
    /// <param name="call">The request.</param>
    /// <param name="found">The problem: "an answer without sha".</param>
    public static HubException NoHub(HubCall call, string found) => HubErrors.NoHub(call, found);

    /// <summary>The error for a broken answer.</summary>
    public HubException Broken(HubCall call, Uri url, Exception error) => _errors.OfNetwork(call, url, error);

    /// <summary>The body; null if it is longer than a limit. A stalled body throws a <see cref="TimeoutException"/>.</summary>
    private async Task<byte[]?> ReadBodyAsync(HubAnswer answer, int maxBytes, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            using var stream = await answer.OpenAsync(limit.Token).ConfigureAwait(false);
            using var body = new MemoryStream();
            byte[] buffer = new byte[1 << 16];
            while (true)
            {
                limit.CancelAfter(_options.TransferTimeout);
                int count = await stream.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
                if (count == 0) return body.ToArray();
                if (body.Length + count > maxBytes) return null;
                body.Write(buffer, 0, count);
            }
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"the answer stood still for {_options.TransferTimeout.TotalSeconds:0.#} s", e);
        }
    }

    private Uri? NextPage(HubCall call, HubAnswer answer)
    {
        if (NextLink().Match(answer.Header("Link") ?? "") is not { Success: true } match) return null;
        if (!Uri.TryCreate(answer.Url, match.Groups[1].Value, out var next)) throw HubErrors.NoHub(call, "a next page without an address");
        return HubUrls.IsSameOrigin(next, _options.Endpoint)
            ? next
            : throw HubErrors.NoHub(call, $"a next page at {next.Scheme}://{next.Authority}, which is not the endpoint");
    }

    [GeneratedRegex("""<([^<>\s]+)>\s*;[^<]*\brel\s*=\s*"?next"?""")]
    private static partial Regex NextLink();
}
