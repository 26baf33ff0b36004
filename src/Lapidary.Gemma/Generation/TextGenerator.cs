using Lapidary.Formats;
using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Gemma;

/// <summary>Continues token ids, one text at a time.</summary>
/// <remarks>A step ends by choosing the likeliest next id. So without sampling, no logits leave the device, and a token costs one small
/// copy each way. A prompt that begins like the one before it is computed only from the first difference on. The ids are the same to the
/// bit as those of the same text among others in a <see cref="GenerationEngine"/>.</remarks>
public sealed class TextGenerator(GemmaModel model) : IDisposable
{
    private readonly StepToken[] _piece = new StepToken[CachedSteps.MaxPromptStep];
    private readonly TextSlots _slots = new(model, most: 1);
    private float[] _logits = [];
    private RunningText? _running;

    /// <summary>Tokens of prompt and text that the first cache has room for, if longer texts may follow.</summary>
    public int ReservedLength { get; init; }

    /// <summary>Yields new ids as they are chosen. Ends before a stop token, at the limit, at the end of the model's context
    /// (max_position_embeddings), or when cancelled.</summary>
    /// <param name="promptIds">At least one id.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="cancellationToken">Ends the text after the current token.</param>
    /// <exception cref="LapidaryException">The prompt is empty or fills the model's context, an id is outside the vocabulary, an option is
    /// out of range, or memory is insufficient.</exception>
    public IEnumerable<int> Generate(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken = default)
    {
        options.Validate();
        return Continue(promptIds, PromptCheck.Limit(promptIds, options, model.Config), cancellationToken);
    }

    /// <summary>Frees the cache and the recorded steps.</summary>
    public void Dispose() => _slots.Dispose();

    private IEnumerable<int> Continue(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken)
    {
        var text = new RunningText(promptIds, options);
        if (_running is not null) _slots.End(_running); // its reader left
        _running = null;
        _slots.Prepare(text.MaxLength, ReservedLength);
        _slots.Begin(_running = text);
        while (text.Unstored > 0)
        {
            if (cancellationToken.IsCancellationRequested) yield break;
            int count = Math.Min(_piece.Length, text.Unstored);
            for (int i = 0; i < count; i++) _piece[i] = text.Next(i);
            _slots.Steps.Store(_piece.AsSpan(0, count));
            text.AddStored(count);
        }

        while (!text.IsFull && !cancellationToken.IsCancellationRequested && Decode(text) is { } id) yield return id;
    }

    private int? Decode(RunningText text)
    {
        int likeliest = 0;
        _slots.Steps.Decode([text.Last], new Span<int>(ref likeliest));
        if (text.ReadsLogits)
        {
            if (_logits.Length == 0) _logits = new float[_slots.Steps.Vocabulary];
            _slots.Steps.ReadLogits(row: 0, _logits);
        }

        return text.Choose(likeliest, _logits, model);
    }
}
