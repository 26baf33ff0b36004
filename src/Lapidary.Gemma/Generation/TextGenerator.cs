using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>Continues token ids: one pass over the prompt, then a recorded one-token step that is replayed for every new token.</summary>
public sealed class TextGenerator(GemmaModel model) : IDisposable
{
    private readonly float[] _logits = new float[model.Head.Shape[0]];
    private MemoryRegion? _region;
    private KvCache? _cache;
    private Step? _decode;
    private Adapter? _recordedWith;

    /// <summary>Yields new ids as they are chosen; ends before a stop token, at the limit, or when cancelled.</summary>
    /// <param name="promptIds">At least one id.</param> <param name="options">Limits and sampling.</param>
    /// <param name="cancellationToken">Ends the text after the token at hand.</param>
    /// <exception cref="LapidaryException">The prompt is empty, or an id lies outside the vocabulary.</exception>
    public IEnumerable<int> Generate(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken = default)
    {
        options.Validate();
        if (promptIds.Count == 0) throw new LapidaryException("The prompt is empty; give at least one token.");
        int maxLength = checked(promptIds.Count + options.MaxNewTokens);
        Prepare(maxLength);
        var sampler = new Sampler(options);
        Prefill(promptIds);
        for (int i = 0; i < options.MaxNewTokens && !cancellationToken.IsCancellationRequested; i++)
        {
            int id = sampler.Next(_logits);
            if (options.StopTokenIds.Contains(id)) yield break;
            yield return id;
            if (i + 1 < options.MaxNewTokens) RunStep(_decode!, [id], promptIds.Count + i);
        }
    }

    /// <summary>Frees the cache and the recorded step.</summary>
    public void Dispose()
    {
        _decode?.Program.Dispose();
        _cache?.Dispose();
        _region?.Dispose();
    }

    private void Prepare(int maxLength)
    {
        if (_cache is not null && _cache.MaxLength >= maxLength && ReferenceEquals(_recordedWith, model.Adapter)) return;
        Dispose();
        _region = new MemoryRegion(model.Backend.Memory, MemoryOwner.Inputs);
        _cache = new KvCache(model.Config, model.Backend, maxLength);
        _decode = Record(StepInputs.Allocate(_region, 1));
        _recordedWith = model.Adapter;
    }

    private void Prefill(IReadOnlyList<int> promptIds)
    {
        using var region = new MemoryRegion(model.Backend.Memory, MemoryOwner.Inputs);
        var prefill = Record(StepInputs.Allocate(region, promptIds.Count));
        using (prefill.Program) RunStep(prefill, [.. promptIds], position: 0);
    }

    private Step Record(StepInputs inputs)
    {
        var program = new StepProgram(model.Backend.ActivationDType);
        var tape = new Tape(program, training: false);
        var h = model.Forward(tape, inputs, _cache);
        var logits = model.Logits(tape, h.Rows(inputs.Tokens - 1, 1));
        program.Keep(logits);
        program.Complete(model.Backend.Memory);
        return new Step(program, inputs, logits);
    }

    private void RunStep(Step step, ReadOnlySpan<int> ids, int position)
    {
        var backend = model.Backend;
        Span<int> positions = ids.Length <= 256 ? stackalloc int[ids.Length] : new int[ids.Length];
        for (int i = 0; i < positions.Length; i++) positions[i] = position + i;
        backend.Write(ids, step.Inputs.Ids);
        backend.Write<int>(positions, step.Inputs.Positions);
        backend.Write<int>([position], _cache!.Position);
        step.Program.Run(backend);
        backend.Read<float>(step.Logits, _logits);
    }

    private sealed record Step(StepProgram Program, StepInputs Inputs, Tensor Logits);
}
