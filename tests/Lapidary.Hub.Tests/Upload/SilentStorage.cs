namespace Lapidary.Hub.Tests.Upload;

/// <summary>The network, with a storage host whose answers never come: the wait for one ends at once.</summary>
internal sealed class SilentStorage() : DelegatingHandler(new SocketsHttpHandler { AllowAutoRedirect = false })
{
    private int _puts;

    /// <summary>Contents that were sent.</summary>
    public int Puts => _puts;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Method != HttpMethod.Put) return base.SendAsync(request, cancellationToken);
        Interlocked.Increment(ref _puts);
        return Task.FromException<HttpResponseMessage>(new TaskCanceledException("The time is over."));
    }
}
