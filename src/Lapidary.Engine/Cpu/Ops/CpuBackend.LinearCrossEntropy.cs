using Lapidary.Engine.Cpu.Ops;
using Lapidary.Engine.Cpu.Products;
using Lapidary.Formats;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Fewest rows of logits at a time: below, the head would be decoded too often.</summary>
    private const long MinLogitsRows = 16;

    private const int NoLabel = -100;

    /// <inheritdoc/>
    public void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight, int maxLabels,
        long maxLogitsBytes)
    {
        var (tokens, dim) = Rows(h);
        int vocabulary = Rows(weight).Rows;
        var head = Operand.Of(weight, nameof(LinearCrossEntropy));
        int* trained = (int*)_scratch.Get("loss rows", (long)tokens * sizeof(int));
        int labelled = OnlyCounts ? tokens : TrainedRows(labels, vocabulary, trained), count = Math.Min(labelled, maxLabels);
        int most = (int)Math.Min(Math.Min(tokens, maxLabels), Math.Max(MinLogitsRows, maxLogitsBytes / sizeof(float) / vocabulary));
        float* block = (float*)_scratch.Get("loss h", (long)most * dim * sizeof(float));
        float* z = (float*)_scratch.Get("logits", (long)most * vocabulary * sizeof(float));
        float* dBlock = dh is null ? null : (float*)_scratch.Get("loss dh", (long)most * dim * sizeof(float));
        ReserveProduct(most, vocabulary, dim);
        if (dWeight is not null) ReserveProduct(vocabulary, dim, most);
        if (dh is not null) ReserveProduct(most, dim, vocabulary);
        Zero(losses);
        Zero(hits);
        if (dh is not null) Zero(dh);
        for (int i = count; i < labelled && !OnlyCounts; i++) losses.AsSpan<float>()[trained[i]] = float.NaN;
        for (int first = 0; first < count; first += most)
        {
            int rows = Math.Min(most, count - first);
            for (int i = 0; i < rows && !OnlyCounts; i++) Row(h, trained[first + i]).CopyTo(new Span<float>(block + (long)i * dim, dim));
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
                Product(vocabulary, dim, rows, 1, z, transposeA: true, Operand.Of(block, dim), transposeB: false, add: true, dWeight.Pointer<float>());
            if (dh is null) continue;
            Product(rows, dim, vocabulary, 1, z, transposeA: false, head, transposeB: false, add: false, dBlock);
            for (int i = 0; i < rows && !OnlyCounts; i++) new Span<float>(dBlock + (long)i * dim, dim).CopyTo(Row(dh, trained[first + i]));
        }
    }

    private static int TrainedRows(Tensor labels, int vocabulary, int* trained)
    {
        int* label = labels.Pointer<int>();
        int count = 0;
        for (int t = 0; t < labels.Count; t++)
        {
            if (label[t] == NoLabel) continue;
            if ((uint)label[t] >= (uint)vocabulary)
                throw new LapidaryException(
                    $"Label {label[t]} of token {t} must be −100 or in [0, {vocabulary}): check that tokenizer and model belong together.");
            trained[count++] = t;
        }

        return count;
    }

    private static Span<float> Row(Tensor tensor, int row)
    {
        int dim = tensor.AsRows().Dim;
        return new Span<float>(tensor.Pointer<float>() + (long)row * dim, dim);
    }
}
