using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Benchmarks;

/// <summary>The time that a training step's matrix products take on their own: every projection forward and backward with its adapter's products,
/// and the head's two, at the step's shapes and on the model's own weights, so that caches see what a step shows them.</summary>
internal static class ProductTimes
{
    private const int HeadRows = 128;

    /// <summary>Seconds, the better of three passes.</summary>
    public static double OfStep(GemmaModel model, int tokens, int rank, bool checkpointing)
    {
        using var region = new MemoryRegion(model.Backend.Memory, MemoryOwner.Workspace);
        long widest = model.LinearLayers.Max(layer => Math.Max(layer.Weight.Shape[0], layer.Weight.Shape[1]));
        Tensor x = region.New("x", DType.Float32, tokens, widest), y = region.New("y", DType.Float32, tokens, widest);
        var xa = region.New("xa", DType.Float32, tokens, rank);
        var logits = region.New("logits", DType.Float32, HeadRows, model.Head.Shape[0]);
        double best = double.MaxValue;
        for (int pass = 0; pass < 3; pass++)
        {
            long start = Stopwatch.GetTimestamp();
            Run(model, tokens, checkpointing ? 2 : 1, x, y, xa, logits);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    private static void Run(GemmaModel model, int tokens, int forwards, Tensor x, Tensor y, Tensor xa, Tensor logits)
    {
        var backend = model.Backend;
        foreach (var layer in model.LinearLayers)
        {
            Tensor input = Shaped(x, tokens, layer.Weight.Shape[1]), output = Shaped(y, tokens, layer.Weight.Shape[0]);
            for (int i = 0; i < forwards; i++)
            {
                backend.LinearForward(input, layer.Weight, output);
                backend.LoraForward(input, layer.Adapter!, xa, output);
            }

            backend.LinearBackward(output, layer.Weight, input, add: false);
            backend.LoraBackward(output, input, layer.Adapter!, xa, input);
        }

        for (int row = 0; row < tokens; row += HeadRows)
        {
            var h = Shaped(x, HeadRows, model.Head.Shape[1]);
            backend.LinearForward(h, model.Head, logits);
            backend.LinearBackward(logits, model.Head, h, add: false);
        }
    }

    private static Tensor Shaped(Tensor buffer, long rows, long columns) => new(buffer.Address, buffer.DType, rows, columns);
}
