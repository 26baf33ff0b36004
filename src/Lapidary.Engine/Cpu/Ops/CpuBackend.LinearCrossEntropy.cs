using Lapidary.Engine.Cpu.Loss;
using Lapidary.Engine.Cpu.Products;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Smallest chunk of logits in rows (unless fewer are left); with fewer, the head would be decoded too often.</summary>
    private const long MinLogitsRows = 16;

    /// <inheritdoc/>
    public void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight, int maxLabels,
        long maxLogitsBytes)
    {
        var (tokens, dim) = Rows(h);
        int vocabulary = Rows(weight).Rows;
        var head = Operand.Of(weight, nameof(LinearCrossEntropy));
        int* trained = (int*)_scratch.Get("loss rows", (long)tokens * sizeof(int));
        int labelled = OnlyCounts ? tokens : TrainedTokens.Find(labels, vocabulary, trained), count = Math.Min(labelled, maxLabels);
        int maxRows = (int)Math.Min(Math.Min(tokens, maxLabels), Math.Max(MinLogitsRows, maxLogitsBytes / sizeof(float) / vocabulary));
        float* block = (float*)_scratch.Get("loss h", (long)maxRows * dim * sizeof(float));
        float* z = (float*)_scratch.Get("logits", (long)maxRows * vocabulary * sizeof(float));
        float* dBlock = dh is null ? null : (float*)_scratch.Get("loss dh", (long)maxRows * dim * sizeof(float));
        ReserveProduct(maxRows, vocabulary, dim);
        if (dWeight is not null) ReserveProduct(vocabulary, dim, maxRows);
        if (dh is not null) ReserveProduct(maxRows, dim, vocabulary);
        Zero(losses);
        Zero(hits);
        if (dh is not null) Zero(dh);
        for (int i = count; i < labelled && !OnlyCounts; i++) losses.AsSpan<float>()[trained[i]] = float.NaN;
        for (int first = 0; first < count; first += maxRows)
        {
            int rows = Math.Min(maxRows, count - first);
            if (!OnlyCounts) TrainedTokens.Gather(h, trained + first, rows, block);
            Product(rows, vocabulary, dim, 1, block, transposeA: false, head, transposeB: true, add: false, z);
            var softmax = new SoftmaxTask
            {
                Z = z,
                Vocabulary = vocabulary,
                Rows = trained + first,
                Labels = labels.Pointer<int>(),
                Scale = OnlyCounts ? 0 : *lossScale.Pointer<float>(),
                Losses = losses.Pointer<float>(),
                Hits = hits.Pointer<float>(),
            };
            _team.For(rows, 1, ref softmax);
            if (dWeight is not null)
            {
                float* to = dWeight.Pointer<float>();
                Product(vocabulary, dim, rows, 1, z, transposeA: true, Operand.Of(block, dim), transposeB: false, add: true, to);
            }

            if (dh is null) continue;
            Product(rows, dim, vocabulary, 1, z, transposeA: false, head, transposeB: false, add: false, dBlock);
            if (!OnlyCounts) TrainedTokens.Scatter(dBlock, trained + first, rows, dh);
        }
    }
}
