using System.Runtime.CompilerServices;
using Lapidary.Formats;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Sources;
using Microsoft.Extensions.AI;

namespace Lapidary.Gemma;

/// <summary>Offers a loaded model as the <see cref="IChatClient"/> of Microsoft.Extensions.AI. Honours Instructions, Temperature, TopP,
/// TopK, Seed, MaxOutputTokens and StopSequences; refuses tools, JSON formats, penalties and media with a
/// <see cref="NotSupportedException"/>.</summary>
/// <remarks>
/// <para>One client serves any number of callers. A backend generates one answer at a time, in the order of the requests. A caller waits
/// for the answers before its own, but never for their readers. An answer ends within a step if it is cancelled or its reader
/// leaves.</para>
/// <para>Without a seed, the same request gets the same answer. The client does not dispose the model, which others may use too.</para>
/// <para>The meter and the activity source Lapidary.Gemma report answers by OpenTelemetry's conventions for generative AI.</para>
/// </remarks>
public sealed class GemmaChatClient : IChatClient
{
    private readonly GemmaModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly SerialEngine _engine;
    private readonly CancellationTokenSource _closing = new();
    private readonly GenerationOptions _defaults;
    private readonly ChatClientMetadata _metadata;
    private readonly string _modelId;

    /// <summary>Creates a client.</summary>
    /// <param name="model">The model, with its adapter attached if it has one.</param>
    /// <param name="tokenizer">Its tokenizer, from the folder that <see cref="TokenizerFolder.Resolve"/> returns.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="modelId">Its name; null for the name of its folder.</param>
    /// <exception cref="LapidaryException">generation_config.json of the model's folder is damaged.</exception>
    public GemmaChatClient(GemmaModel model, Tokenizer tokenizer, ChatTemplate template, string? modelId = null)
    {
        (_model, _tokenizer, _template) = (model, tokenizer, template);
        _engine = new SerialEngine(model);
        _modelId = modelId ?? ModelSource.ShortName(model.Name);
        _metadata = new ChatClientMetadata(ChatTelemetry.Provider, providerUri: null, _modelId);
        var makers = GenerationConfig.Load(model.Folder, model.Config);
        _defaults = GenerationOptions.From(makers, tokenizer);
        IgnoredSettings = makers.Ignored;
    }

    /// <summary>Settings of generation_config.json that are not applied; see <see cref="GenerationConfig.Ignored"/>.</summary>
    public IReadOnlyList<string> IgnoredSettings { get; }

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>Streams the answer to a conversation.</summary>
    /// <param name="messages">System (optional), then user and assistant in turn.</param>
    /// <param name="options">See the class's summary.</param>
    /// <param name="cancellationToken">Ends the answer, or its wait, within a step with an
    /// <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="NotSupportedException">The request needs an unsupported feature.</exception>
    /// <exception cref="LapidaryException">The conversation does not fit the template or the model's context.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var request = ChatRequest.Create(messages, options, _modelId, _defaults);
        return Stream(request, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return _metadata;
        if (serviceType.IsInstanceOfType(_model)) return _model;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Ends running and waiting answers, and frees the client's cache, but not the model.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        _engine.Dispose();
    }

    private async IAsyncEnumerable<ChatResponseUpdate> Stream(
        ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        string id = Guid.NewGuid().ToString("N");
        int[] prompt = _template.Encode(_tokenizer, request.Turns, addGenerationPrompt: true);
        var answer = new ChatAnswer(_engine, _tokenizer, request, prompt, Limit(request.Options, prompt.Length));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        var making = answer.RunAsync(_modelId, id, ending.Token);
        (UsageDetails Usage, ChatFinishReason Reason) end;
        try
        {
            await foreach (string piece in answer.Pieces.ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return Update(id, new TextContent(piece));
            }

            cancellationToken.ThrowIfCancellationRequested();
            end = await making.ConfigureAwait(false);
        }
        finally
        {
            // A reader that leaves early needs no more text. The request stops using the model when its enumeration ends.
            await ending.CancelAsync().ConfigureAwait(false);
            await ((Task)making).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var last = Update(id, new UsageContent(end.Usage));
        last.FinishReason = end.Reason;
        yield return last;
    }

    /// <summary>The answer may fill the rest of the context.</summary>
    private GenerationOptions Limit(GenerationOptions options, int promptTokens)
    {
        int room = ContextRoom.Require(_model.Config, promptTokens, "The conversation");
        return options with { MaxNewTokens = Math.Min(options.MaxNewTokens, room) };
    }

    private ChatResponseUpdate Update(string id, AIContent content) =>
        new(ChatRole.Assistant, [content]) { ResponseId = id, MessageId = id, ModelId = _modelId };
}
