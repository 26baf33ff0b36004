using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Bench;

/// <summary>The least time of an optimizer step: its matrix products alone, forward and backward, at the step's shapes with all its tokens
/// at once and nothing recomputed. Attention, the adapters' small products and all other work are left out.</summary>
/// <remarks>With bf16 activations, weights are plain bf16, so that decoding NF4 counts as a loss of the step. On the CPU, which decodes
/// while packing at no cost, they have the model's type. Values are random, because a GPU runs faster on zeros.</remarks>
internal sealed class ProductFloor
{
    /// <summary>Logits held at a time.</summary>
    private const long LogitsBytes = 512L << 20;

    /// <summary>Weights alternate in a buffer of this size, well above any cache.</summary>
    private const long PoolBytes = 256L << 20;

    private const int MinPasses = 3, MaxPasses = 50;
    private const double MinSeconds = 0.5;

    private readonly IBackend _backend;
    private readonly int _tokens;
    private readonly int _headRows;
    private readonly Tensor[] _weights;
    private readonly Tensor _head;
    private readonly Tensor _input;
    private readonly Tensor _output;
    private readonly Tensor _logits;
    private readonly Tensor? _dHead;
    private readonly Tensor? _dWeight;

    private ProductFloor(GemmaModel model, int tokens, bool trainedHead, bool trainedLayers, MemoryRegion region)
    {
        (_backend, _tokens) = (model.Backend, tokens);
        var dtype = _backend.ActivationDType;
        long vocabulary = model.Head.Shape[0], hidden = model.Head.Shape[1];
        _headRows = (int)Math.Clamp(LogitsBytes / dtype.LengthBytes(vocabulary), 1, tokens);
        long widest = model.LinearLayers.Max(layer => Math.Max(layer.Weight.Shape[0], layer.Weight.Shape[1]));
        _input = region.New("input", dtype, tokens, widest);
        _output = region.New("output", dtype, tokens, widest);
        _logits = region.New("logits", dtype, _headRows, vocabulary);
        _dHead = trainedHead ? region.New("dHead", dtype, vocabulary, hidden) : null;
        _dWeight = trainedLayers ? region.New("dWeight", dtype, model.LinearLayers.Max(layer => layer.Weight.Count)) : null;
        var random = new RandomBlocks(_backend, seed: 1);
        random.WriteUniform(_input, 1);
        if (dtype != DType.Float32)
        {
            Tensor[] own = [.. model.LinearLayers.Select(layer => layer.Weight), model.Head];
            var pool = region.New("weights", dtype, Math.Max(PoolBytes / sizeof(ushort), own.Max(weight => weight.Count)));
            random.WriteUniform(pool, 1 / Math.Sqrt(hidden));
            Tensor[] windows = Windows(pool, own);
            (_weights, _head) = (windows[..^1], windows[^1]);
        }
        else
        {
            (_weights, _head) = ([.. model.LinearLayers.Select(layer => layer.Weight)], model.Head);
        }
    }

    /// <summary>Seconds of the median pass.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokens">Tokens of the step.</param>
    /// <param name="trainedHead">Whether the head gets a gradient.</param>
    /// <param name="trainedLayers">Whether all projections get one.</param>
    public static double Measure(GemmaModel model, int tokens, bool trainedHead, bool trainedLayers = false)
    {
        var backend = model.Backend;
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
        var floor = new ProductFloor(model, tokens, trainedHead, trainedLayers, region);
        floor.Run(); // sets up
        using var replay = backend.Capture(floor.Run);
        var passes = new List<double>();
        for (int pass = 0; pass < MinPasses || (pass < MaxPasses && passes.Sum() < MinSeconds); pass++)
        {
            floor.Wait();
            long start = Stopwatch.GetTimestamp();
            if (replay is null) floor.Run();
            else replay.Run();
            floor.Wait();
            passes.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return Spread.Of(passes).Median;
    }

    /// <summary>Parts of the pool of the weights' shapes, one after the other and from the start again.</summary>
    private static Tensor[] Windows(Tensor pool, Tensor[] weights)
    {
        long next = 0;
        var windows = new Tensor[weights.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            long count = weights[i].Count;
            if (next + count > pool.Count) next = 0;
            windows[i] = pool.Rows(next, count).Reshape(weights[i].Shape);
            next += count;
        }

        return windows;
    }

    private void Run()
    {
        foreach (var weight in _weights)
        {
            long rows = weight.Shape[0], columns = weight.Shape[1];
            _backend.LinearForward(Shaped(_input, _tokens, columns), weight, Shaped(_output, _tokens, rows));
            _backend.LinearBackward(Shaped(_input, _tokens, rows), weight, Shaped(_output, _tokens, columns), add: false);
            if (_dWeight is not null)
                _backend.LinearForward(Shaped(_input, rows, _tokens), Shaped(_output, columns, _tokens), Shaped(_dWeight, rows, columns));
        }

        for (int first = 0; first < _tokens; first += _headRows) RunHead(Math.Min(_headRows, _tokens - first));
    }

    private void RunHead(int rows)
    {
        long vocabulary = _head.Shape[0], hidden = _head.Shape[1];
        Tensor h = Shaped(_input, rows, hidden), logits = Shaped(_logits, rows, vocabulary);
        _backend.LinearForward(h, _head, logits);
        _backend.LinearBackward(logits, _head, Shaped(_output, rows, hidden), add: false);

        // dW = dzᵀ · h, as a product of the same size with transposed operands.
        if (_dHead is not null) _backend.LinearForward(Shaped(_logits, vocabulary, rows), Shaped(_input, hidden, rows), _dHead);
    }

    private void Wait()
    {
        Span<byte> one = stackalloc byte[1];
        _backend.Read(_output, one);
    }

    private static Tensor Shaped(Tensor buffer, long rows, long columns) => new(buffer.Address, buffer.DType, rows, columns);
}
