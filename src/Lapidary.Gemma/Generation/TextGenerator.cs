using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma;

/// <summary>Continues token ids: one pass over the prompt, then a recorded one-token step that is replayed for every new token.</summary>
/// <remarks>A step ends by writing the likeliest next id to the input of the one-token step. So without sampling, no logits leave the
/// device, and a token costs one small copy each way.</remarks>
public sealed class TextGenerator(GemmaModel model) : IDisposable
{
    private readonly IBackend _backend = model.Backend;
    private float[] _logits = [];
    private MemoryRegion? _region;
    private KvCache? _cache;
    private Tensor? _nextId;
    private Step? _decode;
    private Adapter? _recordedWith;

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
        Check(promptIds);
        int room = ContextRoom.Require(model.Config, promptIds.Count);
        return Continue(promptIds, options with { MaxNewTokens = Math.Min(options.MaxNewTokens, room) }, cancellationToken);
    }

    /// <summary>Frees the cache and the recorded step.</summary>
    public void Dispose()
    {
        _decode?.Program.Dispose();
        _cache?.Dispose();
        _region?.Dispose();
        (_decode, _cache, _region) = (null, null, null);
    }

    private void Check(IReadOnlyList<int> promptIds)
    {
        if (promptIds.Count == 0) throw new LapidaryException("The prompt is empty; give at least one token.");
        int vocabulary = model.Config.VocabSize;
        for (int i = 0; i < promptIds.Count; i++)
        {
            if ((uint)promptIds[i] >= (uint)vocabulary)
                throw new LapidaryException($"Prompt: expected ids from 0 to {vocabulary - 1}, found {promptIds[i]} at index {i}.");
        }
    }

    private IEnumerable<int> Continue(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken)
    {
        Prepare(promptIds.Count + options.MaxNewTokens);
        bool readsLogits = Sampler.NeedsLogits(options);
        var sampler = readsLogits ? new Sampler(options, promptIds) : null;
        Prefill(promptIds, readsLogits);
        for (int i = 0; i < options.MaxNewTokens && !cancellationToken.IsCancellationRequested; i++)
        {
            int id = Choose(sampler, promptIds.Count + i);
            if (options.StopTokenIds.Contains(id)) yield break;
            yield return id;
            if (i + 1 < options.MaxNewTokens) Run(_decode!, promptIds.Count + i, readsLogits);
        }
    }

    private void Prepare(int maxLength)
    {
        if (_cache is not null && _cache.MaxLength >= maxLength && ReferenceEquals(_recordedWith, model.Adapter)) return;
        Dispose();
        maxLength = Math.Max(maxLength, ReservedLength);
        try
        {
            _region = new MemoryRegion(_backend.Memory, MemoryOwner.Inputs);
            _cache = new KvCache(model.Config, _backend, maxLength);
            _nextId = _region.New("next_id", DType.Int32, 1);
            _decode = Record(new StepInputs(_nextId, _cache.Position, _region.New("document_starts", DType.Int32, 1)));
            _recordedWith = model.Adapter;
        }
        catch
        {
            Dispose(); // or the next text would find a cache without its step
            throw;
        }
    }

    private void Prefill(IReadOnlyList<int> promptIds, bool readLogits)
    {
        using var region = new MemoryRegion(_backend.Memory, MemoryOwner.Inputs);
        var inputs = StepInputs.Allocate(region, promptIds.Count);
        _backend.Write<int>([.. promptIds], inputs.Ids);
        _backend.Write<int>([.. Enumerable.Range(0, promptIds.Count)], inputs.Positions);
        var prefill = Record(inputs);
        using (prefill.Program) Run(prefill, position: 0, readLogits);
    }

    /// <summary>Records a step over some tokens: the logits of the last token, and the likeliest next id.</summary>
    private Step Record(StepInputs inputs)
    {
        var program = new StepProgram(_backend.ActivationDType);
        var tape = new Tape(program, training: false);
        var h = model.Forward(tape, inputs, _cache);
        var logits = model.Logits(tape, h.Rows(inputs.Tokens - 1, 1));
        var nextId = _nextId!;
        tape.Run(ops => ops.ArgMax(logits, nextId));
        program.Keep(logits);
        program.Complete(_backend.Memory);
        return new Step(program, logits);
    }

    private void Run(Step step, int position, bool readLogits)
    {
        _backend.Write<int>([position], _cache!.Position);
        step.Program.Run(_backend);
        if (!readLogits) return;
        if (_logits.Length == 0) _logits = new float[step.Logits.Count];
        _backend.Read<float>(step.Logits, _logits);
    }

    /// <summary>The next id, stored where the next step reads it: the likeliest, or the sampler's choice.</summary>
    /// <exception cref="LapidaryException">The logits are not finite.</exception>
    private int Choose(Sampler? sampler, int length)
    {
        int likeliest = 0;
        _backend.Read(_nextId!, new Span<int>(ref likeliest));
        if (likeliest < 0)
        {
            throw new LapidaryException(
                $"The logits after {length} tokens are not finite, so no token follows; {Divergence.Explain(model)}");
        }

        if (sampler is null) return likeliest;
        int drawn = sampler.Next(_logits);
        _backend.Write<int>([drawn], _nextId!);
        return drawn;
    }

    private sealed record Step(StepProgram Program, Tensor Logits);
}
