using System.Runtime.CompilerServices;
using Lapidary.Gemma;
using Microsoft.Extensions.AI;

namespace Lapidary.Hosting;

/// <summary>A chat client whose model may still be loading: requests wait for the model.</summary>
internal sealed class HostedChatClient(SharedModel model, string? modelId) : IChatClient
{
    private readonly Lock _lock = new();
    private GemmaChatClient? _client;
    private bool _isDisposed;

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var client = await ClientAsync(cancellationToken).ConfigureAwait(false);
        return await client.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var client = await ClientAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var update in client.GetStreamingResponseAsync(messages, options, cancellationToken).ConfigureAwait(false))
            yield return update;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is null && serviceType.IsInstanceOfType(this)) return this;
        if (model.Loading is { IsCompletedSuccessfully: true } loading) return Client(loading.Result).GetService(serviceType, serviceKey);
        return serviceKey is null && serviceType == typeof(ChatClientMetadata)
            ? new ChatClientMetadata("lapidary", providerUri: null, modelId)
            : null;
    }

    /// <summary>Ends the client's answers. The model is freed with the host's services.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _client?.Dispose();
        }
    }

    private async Task<GemmaChatClient> ClientAsync(CancellationToken cancellationToken) =>
        Client(await model.LoadAsync().WaitAsync(cancellationToken).ConfigureAwait(false));

    private GemmaChatClient Client(LoadedModel loaded)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _client ??= modelId is null
                ? new GemmaChatClient(loaded.Engine, loaded.Tokenizer, loaded.Template)
                : new GemmaChatClient(loaded.Engine, loaded.Tokenizer, loaded.Template) { ModelId = modelId };
        }
    }
}
