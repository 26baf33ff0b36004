using System.Runtime.CompilerServices;
using Lapidary.Formats;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;
using Microsoft.Extensions.AI;

namespace Lapidary.Gemma;

/// <summary>Offers a loaded model as the <see cref="IChatClient"/> of Microsoft.Extensions.AI. Honours Instructions, Temperature, TopP,
/// TopK, Seed, MaxOutputTokens, StopSequences and ResponseFormat; refuses tools, penalties and media with a
/// <see cref="NotSupportedException"/>.</summary>
/// <remarks>
/// <para>One client serves any number of callers at once: a <see cref="GenerationEngine"/> generates their answers together. No caller
/// waits for another's reader. An answer ends within a step if it is cancelled or its reader leaves.</para>
/// <para>An answer in JSON is held to its schema token by token, so it is always valid, unless it is cut at MaxOutputTokens. What a schema
/// asks for and what cannot be enforced is refused before the answer begins.</para>
/// <para>Without a seed, the same request gets the same answer, whatever else is asked meanwhile. The client does not dispose the model,
/// which others may use too.</para>
/// <para>The meter and the activity source Lapidary.Gemma report answers by OpenTelemetry's conventions for generative AI.</para>
/// </remarks>
public sealed class GemmaChatClient : IChatClient
{
    /// <summary>A moderate number, because every answer takes memory.</summary>
    private const int OwnTexts = 8;

    private readonly GemmaModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly GenerationEngine _engine;
    private readonly bool _ownsEngine;
    private readonly CancellationTokenSource _closing = new();
    private readonly GenerationOptions _defaults;

    /// <summary>Creates a client with an engine of its own, which generates up to 8 answers at the same time.</summary>
    /// <param name="model">The model, with its adapter attached if it has one.</param>
    /// <param name="tokenizer">Its tokenizer, from the folder that <see cref="TokenizerFolder.Resolve"/> returns.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="modelId">Its name; null for the name of its folder.</param>
    /// <exception cref="LapidaryException">generation_config.json of the model's folder is damaged.</exception>
    public GemmaChatClient(GemmaModel model, Tokenizer tokenizer, ChatTemplate template, string? modelId = null)
        : this(new GenerationEngine(model, OwnTexts), tokenizer, template)
    {
        _ownsEngine = true;
        if (modelId is not null) ModelId = modelId;
    }

    /// <summary>Creates a client of an engine that others use too, and that it does not dispose.</summary>
    /// <param name="engine">Generates the answers.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">The model's chat template.</param>
    /// <exception cref="LapidaryException">generation_config.json of the model's folder is damaged.</exception>
    public GemmaChatClient(GenerationEngine engine, Tokenizer tokenizer, ChatTemplate template)
    {
        (_engine, _model, _tokenizer, _template) = (engine, engine.Model, tokenizer, template);
        ModelId = ModelSource.ShortName(_model.Name);
        var makers = GenerationConfig.Load(_model.Folder, _model.Config);
        _defaults = GenerationOptions.From(makers, tokenizer);
        IgnoredSettings = makers.Ignored;
    }

    /// <summary>The model's name in answers and metrics: the name of its folder, if no other is given.</summary>
    public string ModelId { get; init; }

    /// <summary>Settings of generation_config.json that are not applied; see <see cref="GenerationConfig.Ignored"/>.</summary>
    public IReadOnlyList<string> IgnoredSettings { get; }

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>Streams the answer to a conversation. Control tokens that are written in messages are text.</summary>
    /// <param name="messages">System (optional), then user and assistant in turn.</param>
    /// <param name="options">See the class's summary.</param>
    /// <param name="cancellationToken">Ends the answer, or its wait, within a step with an
    /// <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="NotSupportedException">The request needs an unsupported feature.</exception>
    /// <exception cref="LapidaryException">The conversation does not fit the template or the model's context, or the answer's schema
    /// is wrong or not enforced in all its parts.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var request = ChatRequest.Create(messages, options, ModelId, _defaults, _tokenizer);
        return Stream(request, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return new ChatClientMetadata(ChatTelemetry.Provider, providerUri: null, ModelId);
        if (serviceType.IsInstanceOfType(_model)) return _model;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Ends the client's running and waiting answers, and its own engine, but not the model.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        if (_ownsEngine) _engine.Dispose();
    }

    private async IAsyncEnumerable<ChatResponseUpdate> Stream(
        ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        string id = Guid.NewGuid().ToString("N");
        int[] prompt = WrittenTokens.EncodePrompt(_template, _tokenizer, request.Turns);
        var answer = new ChatAnswer(_engine, _tokenizer, request, prompt, Limit(request.Options, prompt.Length));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        var making = answer.RunAsync(ModelId, id, ending.Token);
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
        new(ChatRole.Assistant, [content]) { ResponseId = id, MessageId = id, ModelId = ModelId };
}
