using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Lapidary.Hub.Tests;

/// <summary>Answers requests as the Hub does for one repository, owner/name, and as told otherwise. For what a real server cannot be
/// made to do.</summary>
internal sealed class FakeHub : HttpMessageHandler
{
    public const string Token = "hf_secretSECRET0123456789", Storage = "http://storage.test";

    private readonly Lock _guard = new();

    public static HubRepo Repo { get; } = new("owner/name");

    /// <summary>The files; those of 1,000 bytes and more are stored by LFS.</summary>
    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>The commit of main.</summary>
    public string Commit { get; set; } = new('a', 40);

    /// <summary>All requests, as "GET http://hub.test/…", with their token.</summary>
    public List<(string Line, HttpRequestHeaders Headers)> Requests { get; } = [];

    /// <summary>Answers in place of the Hub; null for the Hub's answer.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage?> Fault { get; set; } = _ => null;

    /// <summary>Lines of requests.</summary>
    public string[] Lines
    {
        get
        {
            lock (_guard) return [.. Requests.Select(request => request.Line)];
        }
    }

    /// <summary>Options for this Hub and a cache of a test.</summary>
    public static HubOptions Options(TestFolder folder) => new()
    {
        Endpoint = new Uri("http://hub.test"),
        CacheFolder = folder.At("hub"),
        HomeFolder = folder.At("home"),
        Token = new HubToken(Token, "HF_TOKEN"),
        Time = new NoWaits(),
    };

    public static string Etag(byte[] content) => content.Length >= 1000
        ? Convert.ToHexStringLower(SHA256.HashData(content)) : GitHash(content);

    public static HttpResponseMessage Answer(HttpStatusCode status, string? code = null, string? message = null)
    {
        var answer = new HttpResponseMessage(status) { Content = new StringContent("") };
        if (code is not null) answer.Headers.Add("X-Error-Code", code);
        if (message is not null) answer.Headers.Add("X-Error-Message", message);
        return answer;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await Task.Yield();
        lock (_guard) Requests.Add(($"{request.Method} {request.RequestUri!.AbsoluteUri}", request.Headers));
        var answer = Fault(request) ?? Of(request);
        answer.RequestMessage = request;
        return answer;
    }

    private HttpResponseMessage Of(HttpRequestMessage request)
    {
        string path = request.RequestUri!.AbsolutePath;
        if (request.RequestUri.Host == "storage.test")
        {
            Assert.Null(request.Headers.Authorization);
            byte[] stored = Files.Values.Single(content => path == $"/{Etag(content)}");
            return Content(request, stored);
        }

        if (path.StartsWith("/api/models/owner/name/revision/", StringComparison.Ordinal))
            return Json(new JsonObject { ["id"] = "owner/name", ["sha"] = Commit, ["private"] = false, ["gated"] = false });
        if (path == $"/api/models/owner/name/tree/{Commit}") return Json(new JsonArray([.. Files.Select(ToItem)]));
        string prefix = $"/owner/name/resolve/{Commit}/";
        if (!path.StartsWith(prefix, StringComparison.Ordinal)) prefix = "/owner/name/resolve/main/";
        Assert.StartsWith(prefix, path);
        if (!Files.TryGetValue(Uri.UnescapeDataString(path[prefix.Length..]), out byte[]? file))
        {
            var absent = Answer(HttpStatusCode.NotFound, "EntryNotFound", "Entry not found");
            absent.Headers.Add("X-Repo-Commit", Commit);
            return absent;
        }

        bool isLfs = file.Length >= 1000;
        var answer = isLfs ? Answer(HttpStatusCode.Found) : Content(request, file);
        answer.Headers.Add("X-Repo-Commit", Commit);
        if (!isLfs)
        {
            answer.Headers.ETag = new EntityTagHeaderValue($"\"{Etag(file)}\"");
            return answer;
        }

        answer.Headers.Location = new Uri($"{Storage}/{Etag(file)}?signature=a%7Eb");
        answer.Headers.Add("X-Linked-Etag", $"\"{Etag(file)}\"");
        answer.Headers.Add("X-Linked-Size", $"{file.Length}");
        return answer;
    }

    /// <summary>A file's content, or the part that was asked for.</summary>
    public static HttpResponseMessage Content(HttpRequestMessage request, byte[] content)
    {
        long from = request.Headers.Range?.Ranges.Single().From ?? 0;
        var answer = new HttpResponseMessage(from > 0 ? HttpStatusCode.PartialContent : HttpStatusCode.OK)
        {
            Content = new ByteArrayContent(content, (int)from, content.Length - (int)from),
        };
        if (from > 0) answer.Content.Headers.ContentRange = new ContentRangeHeaderValue(from, content.Length - 1, content.Length);
        return answer;
    }

    /// <summary>The content's first bytes, then the end of the connection.</summary>
    public static HttpResponseMessage Cut(HttpRequestMessage request, byte[] content, int length)
    {
        long from = request.Headers.Range?.Ranges.Single().From ?? 0;
        var answer = Content(request, content);
        var headers = answer.Content.Headers;
        answer.Content = new StreamContent(new BrokenStream(content[(int)from..Math.Min(content.Length, (int)from + length)]));
        answer.Content.Headers.ContentLength = content.Length - from;
        answer.Content.Headers.ContentRange = headers.ContentRange;
        return answer;
    }

    private static JsonNode ToItem(KeyValuePair<string, byte[]> file)
    {
        var item = new JsonObject
        {
            ["type"] = "file",
            ["path"] = file.Key,
            ["size"] = file.Value.Length,
            ["oid"] = GitHash(file.Value),
        };
        if (file.Value.Length >= 1000)
            item["lfs"] = new JsonObject { ["oid"] = Etag(file.Value), ["size"] = file.Value.Length, ["pointerSize"] = 130 };
        return item;
    }

    public static HttpResponseMessage Json(JsonNode node) =>
        new(HttpStatusCode.OK) { Content = new StringContent(node.ToJsonString(), Encoding.UTF8, "application/json") };

#pragma warning disable CA5350 // Git's.
    private static string GitHash(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    private sealed class BrokenStream(byte[] content) : MemoryStream(content)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await base.ReadAsync(buffer, cancellationToken);
            return count > 0 ? count : throw new HttpIOException(HttpRequestError.ResponseEnded, "the connection ended");
        }
    }

    /// <summary>A clock whose waits end at once, and are counted.</summary>
    internal sealed class NoWaits : TimeProvider
    {
        public List<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                lock (Waits) Waits.Add(dueTime);
                dueTime = TimeSpan.Zero;
            }

            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}

/// <summary>A folder of one test, deleted at its end.</summary>
internal sealed class TestFolder : IDisposable
{
    public TestFolder() => Root = Directory.CreateTempSubdirectory("lapidary-hub-").FullName;

    public string Root { get; }

    public string At(string path) => Path.Combine(Root, path);

    /// <summary>Files below a folder with slashes, in order.</summary>
    public string[] Files(string folder) => !Directory.Exists(At(folder)) ? [] :
    [
        .. Directory.EnumerateFiles(At(folder), "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(At(folder), path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
