using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Products;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Loss;

/// <summary>Head and loss in one, in chunks of the tokens that have a label.</summary>
internal sealed class LinearCrossEntropy(CudaRuntime runtime, WeightDecoder decoder, ProjectionWeights weights)
{
    /// <summary>Smallest chunk of logits in rows; with fewer, the head would be read too often.</summary>
    private const long MinLogitsRows = 16;

    private const int RowThreads = 256;
    private const int LabelThreads = 1024;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly SoftmaxKernels _softmax = new(runtime);
    private readonly Kernel _labelRows = new("cross_entropy.cu", "label_rows");
    private readonly Kernel _gatherRows = new("cross_entropy.cu", "gather_rows");
    private readonly Kernel _scatterRows = new("cross_entropy.cu", "scatter_rows");

    /// <inheritdoc cref="IOps.LinearCrossEntropy"/>
    /// <remarks>Logits are fp32, their gradient of the type of activations. A label outside the vocabulary gives a loss of NaN, because the
    /// host does not wait for the device. The products take the time of the upper bound of labelled tokens, however many tokens have a
    /// label.</remarks>
    public void Run(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight, int maxLabels,
        long maxLogitsBytes)
    {
        var (tokens, dim) = Rows(h);
        int vocabulary = Rows(weight).Rows;

        // A frozen head of the other type of 16 bits, half a gigabyte, is converted once where there is room for the result.
        bool isKept = dWeight is null && weight.DType is (DType.BFloat16 or DType.Float16);
        nint head = isKept ? weights.Plain(new Projection(weight, Adapter: null), rowsBelow: 0) : decoder.AsActivations(weight, "head");
        nint rows = runtime.Scratch.Get("loss rows", (long)tokens * sizeof(int));
        nint count = runtime.Scratch.Get("loss row count", sizeof(int));
        int maxRows = Math.Min(tokens, maxLabels);
        _launcher.Zero(losses);
        _launcher.Zero(hits);
        if (dh is not null) _launcher.Zero(dh);
        _launcher.Launch(_labelRows, 1, LabelThreads, 0, new LabelRowsArgs
        {
            Labels = labels.Address,
            Rows = rows,
            RowsCount = count,
            Losses = losses.Address,
            Tokens = tokens,
            MaxLabels = maxRows,
        });

        int chunk = (int)Math.Min(maxRows, Math.Max(MinLogitsRows, maxLogitsBytes / sizeof(float) / vocabulary));
        long blockBytes = runtime.ActivationBytes((long)chunk * dim);
        nint block = runtime.Scratch.Get("loss h", blockBytes), dBlock = dh is null ? 0 : runtime.Scratch.Get("loss dh", blockBytes);
        nint z = runtime.Scratch.Get("logits", (long)chunk * vocabulary * sizeof(float));
        long gradientRow = 2L * vocabulary; // activations: a row's gradient lies in the first half of its fp32 logits
        bool gradient = dh is not null || dWeight is not null;
        for (int first = 0; first < maxRows; first += chunk)
        {
            int m = Math.Min(chunk, maxRows - first);
            var gather = new RowsArgs { From = h.Address, To = block, Rows = rows, RowsCount = count, First = first, Dim = dim };
            _launcher.Launch(_gatherRows, m, RowThreads, 0, gather);
            var logits = new ProductKind(m, vocabulary, dim, TransposeA: false, TransposeB: true, DType.Float32);
            runtime.Products.Run(logits, 1, block, head, 0, z);
            _softmax.Run(m, new SoftmaxRowsArgs
            {
                Z = z,
                Labels = labels.Address,
                Rows = rows,
                RowsCount = count,
                LossScale = lossScale.Address,
                Losses = losses.Address,
                Hits = hits.Address,
                First = first,
                Vocabulary = vocabulary,
                Gradient = gradient ? 1 : 0,
            });
            if (dWeight is not null)
            {
                var ofWeight = new ProductKind(vocabulary, dim, m, TransposeA: true, TransposeB: false, DType.Float32);
                runtime.Products.Run(ofWeight with { RowA = gradientRow }, 1, z, block, 1, dWeight.Address);
            }

            if (dh is null) continue;
            var ofH = new ProductKind(m, dim, vocabulary, TransposeA: false, TransposeB: false, runtime.ActivationDType);
            runtime.Products.Run(ofH with { RowA = gradientRow }, 1, z, head, 0, dBlock);
            _launcher.Launch(_scatterRows, m, RowThreads, 0, gather with { From = dBlock, To = dh.Address });
        }
    }

    private struct LabelRowsArgs
    {
        public nint Labels, Rows, RowsCount, Losses;
        public int Tokens, MaxLabels;
    }

    /// <summary>Of gather_rows and scatter_rows.</summary>
    private struct RowsArgs
    {
        public nint From, To, Rows, RowsCount;
        public int First, Dim;
    }
}
