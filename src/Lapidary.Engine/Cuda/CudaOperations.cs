using Lapidary.Engine.Cuda.Attention;
using Lapidary.Engine.Cuda.Attention.Cached;
using Lapidary.Engine.Cuda.Attention.Rotary;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Loading;
using Lapidary.Engine.Cuda.Loss;
using Lapidary.Engine.Cuda.Pointwise;
using Lapidary.Engine.Cuda.Projections;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.RowProducts;
using Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;
using Lapidary.Engine.Cuda.Projections.RowProducts.Squares;
using Lapidary.Engine.Cuda.Sampling;

namespace Lapidary.Engine.Cuda;

/// <summary>The operations of a backend, each with the kernels that it launches.</summary>
internal sealed class CudaOperations : IDisposable
{
    public CudaOperations(CudaRuntime runtime)
    {
        var launcher = runtime.Launcher;
        var decoder = new WeightDecoder(runtime);
        Transfers = new Transfers(runtime);
        QuantizeNf4 = new Nf4QuantizeKernels(runtime, Transfers);
        Embedding = new EmbeddingKernels(runtime);
        var normWeights = new NormWeightKernels(runtime);
        var arranged = new ArrangedRows(runtime);
        RmsNorm = new RmsNormKernels(launcher, normWeights, arranged);
        Linear = new LinearProducts(runtime, decoder);
        Projector = new Projector(runtime, decoder, Linear);
        RopeTable = new RopeTableKernel(launcher);
        QkNormRope = new QkNormRopeKernels(launcher, normWeights);
        AttentionForward = new AttentionForwardKernels(runtime);
        AttentionBackward = new AttentionBackwardKernels(runtime);
        KvAppend = new KvAppendKernels(launcher);
        CachedAttention = new CachedAttentionKernels(runtime);
        FreshAttention = new FreshAttentionKernels(runtime, arranged);
        GeGlu = new GeGluKernels(launcher, arranged);
        var largest = new LargestOutputs(runtime);
        RowProjector = new RowProjector(runtime, Projector.Weights, GeGlu, arranged, largest);
        Add = new AddKernels(launcher);
        LinearCrossEntropy = new LinearCrossEntropy(runtime, decoder, Projector.Weights);
        ArgMax = new ArgMaxKernels(runtime, largest);
        EditLogits = new EditLogitsKernel(launcher);
        Draw = new DrawKernels(runtime);
        GradientNorm = new GradientNormKernels(runtime);
        AdamW = new AdamWKernel(launcher);
    }

    public Transfers Transfers { get; }

    public Nf4QuantizeKernels QuantizeNf4 { get; }

    public EmbeddingKernels Embedding { get; }

    public RmsNormKernels RmsNorm { get; }

    public LinearProducts Linear { get; }

    public Projector Projector { get; }

    public RowProjector RowProjector { get; }

    public RopeTableKernel RopeTable { get; }

    public QkNormRopeKernels QkNormRope { get; }

    public AttentionForwardKernels AttentionForward { get; }

    public AttentionBackwardKernels AttentionBackward { get; }

    public KvAppendKernels KvAppend { get; }

    public CachedAttentionKernels CachedAttention { get; }

    public FreshAttentionKernels FreshAttention { get; }

    public GeGluKernels GeGlu { get; }

    public AddKernels Add { get; }

    public LinearCrossEntropy LinearCrossEntropy { get; }

    public ArgMaxKernels ArgMax { get; }

    public EditLogitsKernel EditLogits { get; }

    public DrawKernels Draw { get; }

    public GradientNormKernels GradientNorm { get; }

    public AdamWKernel AdamW { get; }

    public void Dispose()
    {
        Transfers.Dispose();
        Projector.Dispose();
    }
}
