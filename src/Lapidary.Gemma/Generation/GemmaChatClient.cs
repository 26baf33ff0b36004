using System.Runtime.CompilerServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Sources;
using Microsoft.Extensions.AI;

namespace Lapidary.Gemma;

/// <summary>A loaded model as the <see cref="IChatClient"/> of Microsoft.Extensions.AI. Honours Instructions, Temperature, TopP, TopK,
/// Seed, MaxOutputTokens and StopSequences; tools, JSON formats, penalties and media are refused with a
/// <see cref="NotSupportedException"/>.</summary>
/// <remarks>Generation runs on the thread pool, one at a time per backend: further calls wait for their turn. Without a seed the same
/// request gets the same answer. The model, which others may use too, is not disposed with the client.</remarks>
public sealed class GemmaChatClient : IChatClient
{
    /// <summary>A backend's scratch memory serves one computation at a time.</summary>
    private static readonly ConditionalWeakTable<IBackend, SemaphoreSlim> Gates = [];

    private readonly GemmaModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly TextGenerator _generator;
    private readonly GenerationOptions _defaults;
    private readonly SemaphoreSlim _gate;
    private readonly ChatClientMetadata _metadata;
    private readonly string _modelId;

    /// <summary>Makes a client.</summary>
    /// <param name="model">The model, with its adapter attached where it has one.</param> <param name="tokenizer">Its tokenizer, of the
    /// folder that <see cref="TokenizerFolder.Resolve"/> names.</param>
    /// <param name="template">Its chat template.</param> <param name="modelId">What it is called; null for its folder's name.</param>
    /// <exception cref="LapidaryException">generation_config.json of the model's folder is damaged.</exception>
    public GemmaChatClient(GemmaModel model, Tokenizer tokenizer, ChatTemplate template, string? modelId = null)
    {
        (_model, _tokenizer, _template) = (model, tokenizer, template);
        _generator = new TextGenerator(model);
        _gate = Gates.GetValue(model.Backend, _ => new SemaphoreSlim(1, 1));
        _modelId = modelId ?? ModelSource.ShortName(model.Name);
        _metadata = new ChatClientMetadata("lapidary", providerUri: null, _modelId);
        var makers = GenerationConfig.Load(model.Folder, model.Config);
        _defaults = GenerationOptions.From(makers, tokenizer);
        IgnoredSettings = makers.Ignored;
    }

    /// <summary>What generation_config.json asks for and is not applied, as <see cref="GenerationConfig.Ignored"/>.</summary>
    public IReadOnlyList<string> IgnoredSettings { get; }

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>Streams the answer to a conversation.</summary>
    /// <param name="messages">System (optional), then user and assistant in turn.</param> <param name="options">See the class's
    /// summary.</param>
    /// <param name="cancellationToken">Ends the answer after the token at hand with an <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="NotSupportedException">The request asks for something that cannot be done here.</exception>
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

    /// <summary>Frees the client's cache, not the model. No answer may be under way.</summary>
    public void Dispose() => _generator.Dispose();

    private async IAsyncEnumerable<ChatResponseUpdate> Stream(
        ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string id = Guid.NewGuid().ToString("N");
        int[] prompt = _template.Encode(_tokenizer, request.Turns, addGenerationPrompt: true);
        var limits = Limit(request.Options, prompt.Length);
        var text = _tokenizer.NewStream(skipSpecialTokens: true);
        var stop = new StopSequences(request.StopSequences);
        int tokens = 0;

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var ids = _generator.Generate(prompt, limits, cancellationToken).GetEnumerator();
            while (!stop.IsStopped && await Task.Run(ids.MoveNext, cancellationToken).ConfigureAwait(false))
            {
                tokens++;
                if (stop.Append(text.Append(ids.Current)) is { Length: > 0 } piece) yield return Update(id, new TextContent(piece));
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            _gate.Release();
        }

        string rest = stop.IsStopped ? "" : stop.Append(text.Finish()) + stop.Finish();
        if (rest.Length > 0) yield return Update(id, new TextContent(rest));
        var last = Update(id, new UsageContent(new UsageDetails
        {
            InputTokenCount = prompt.Length,
            OutputTokenCount = tokens,
            TotalTokenCount = prompt.Length + tokens,
        }));
        last.FinishReason = tokens == limits.MaxNewTokens && !stop.IsStopped ? ChatFinishReason.Length : ChatFinishReason.Stop;
        yield return last;
    }

    /// <summary>The answer may be as long as the context has room.</summary>
    private GenerationOptions Limit(GenerationOptions options, int promptTokens)
    {
        int context = _model.Config.MaxPositionEmbeddings, room = context - promptTokens;
        if (room <= 0)
        {
            throw new LapidaryException(
                $"The conversation has {promptTokens} tokens, expected fewer than the model's context of {context}; shorten it.");
        }

        return options with { MaxNewTokens = Math.Min(options.MaxNewTokens, room) };
    }

    private ChatResponseUpdate Update(string id, AIContent content) =>
        new(ChatRole.Assistant, [content]) { ResponseId = id, MessageId = id, ModelId = _modelId };
}
