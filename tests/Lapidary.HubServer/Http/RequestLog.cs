using Microsoft.AspNetCore.Http;

namespace Lapidary.TestHub.Http;

/// <summary>Requests and violations, in the order of arrival.</summary>
internal sealed class RequestLog
{
    private readonly Lock _lock = new();
    private readonly List<HubRequest> _requests = [];
    private readonly List<string> _violations = [];

    public IReadOnlyList<HubRequest> Requests
    {
        get
        {
            lock (_lock) return [.. _requests];
        }
    }

    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_lock) return [.. _violations];
        }
    }

    public HubRequest Add(HubHost host, HttpRequest request, string target)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in request.Headers)
        {
            if (!name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)) headers[name] = value.ToString();
        }

        lock (_lock)
        {
            var entry = new HubRequest(_requests.Count + 1, host, request.Method, target, headers,
                request.Headers.ContainsKey("Authorization"));
            _requests.Add(entry);
            return entry;
        }
    }

    public void Violation(HubRequest request, string text)
    {
        lock (_lock) _violations.Add($"{request.Method} {request.Host} {request.RawPath}: {text}");
    }

    public void Clear()
    {
        lock (_lock)
        {
            _requests.Clear();
            _violations.Clear();
        }
    }
}
