using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Products;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void ProjectForward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, bool isPrompt = false)
    {
        for (int i = 0; i < projections.Count; i++)
        {
            LinearForward(x, projections[i].Weight, ys[i]);
            if (projections[i].Adapter is { } adapter) LoraForward(x, adapter, xas[i]!, ys[i]);
        }
    }

    /// <inheritdoc/>
    public void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add)
    {
        var (tokens, dim) = Rows(x);
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].WeightGradient is { } dWeight)
            {
                float* dy = dys[i].Pointer<float>(), to = dWeight.Pointer<float>();
                var operand = Operand.Of(x, nameof(ProjectBackward));
                Product(Rows(dys[i]).Dim, dim, tokens, 1, dy, transposeA: true, operand, transposeB: false, add: true, to);
            }

            if (dx is not null) LinearBackward(dys[i], projections[i].Weight, dx, add || i > 0);
            if (projections[i].Adapter is { } adapter) LoraBackward(dys[i], x, adapter, xas[i]!, dx);
        }
    }

    /// <summary>xa = dropout(x) · Aᵀ; y += s · xa · Bᵀ.</summary>
    internal void LoraForward(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y)
    {
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, outDim = Rows(y).Dim;
        float* input = Dropped(x, adapter.Dropout);
        Operand a = Operand.Of(adapter.A.Value, nameof(LoraForward)), b = Operand.Of(adapter.B.Value, nameof(LoraForward));
        Product(tokens, r, dim, 1, input, transposeA: false, a, transposeB: true, add: false, xa.Pointer<float>());
        Product(
            tokens, outDim, r, adapter.Scale, xa.Pointer<float>(), transposeA: false, b, transposeB: true, add: true, y.Pointer<float>());
    }

    /// <summary>dB += s · dyᵀ · xa; dxa = s · dy · B; dA += dxaᵀ · dropout(x); dx += dropoutᵀ(dxa · A) where dx is not null.</summary>
    internal void LoraBackward(Tensor dy, Tensor x, LoraAdapter adapter, Tensor xa, Tensor? dx)
    {
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, outDim = Rows(dy).Dim;
        if (adapter.B.Gradient is { } dB)
        {
            var xaOperand = Operand.Of(xa, nameof(LoraBackward));
            Product(
                outDim, r, tokens, adapter.Scale, dy.Pointer<float>(), transposeA: true, xaOperand, transposeB: false, add: true,
                dB.Pointer<float>());
        }

        if (adapter.A.Gradient is null && dx is null) return;
        var b = Operand.Of(adapter.B.Value, nameof(LoraBackward));
        float* dxa = (float*)_scratch.Get("LoRA dxa", (long)tokens * r * sizeof(float));
        Product(tokens, r, outDim, adapter.Scale, dy.Pointer<float>(), transposeA: false, b, transposeB: false, add: false, dxa);
        if (adapter.A.Gradient is { } dA)
        {
            var input = Operand.Of(Dropped(x, adapter.Dropout), dim);
            Product(r, dim, tokens, 1, dxa, transposeA: true, input, transposeB: false, add: true, dA.Pointer<float>());
        }

        if (dx is null) return;
        var a = Operand.Of(adapter.A.Value, nameof(LoraBackward));
        if (DropoutTask.Active(adapter.Dropout) is not { } dropout)
        {
            Product(tokens, dim, r, 1, dxa, transposeA: false, a, transposeB: false, add: true, dx.Pointer<float>());
            return;
        }

        float* full = (float*)_scratch.Get("LoRA dropout", dx.LengthBytes);
        Product(tokens, dim, r, 1, dxa, transposeA: false, a, transposeB: false, add: false, full);
        Mask(dropout, full, dx.Pointer<float>(), dx, add: true);
    }

    /// <summary>dropout(x): x itself, or a copy in scratch.</summary>
    private float* Dropped(Tensor x, Dropout? dropout)
    {
        if (DropoutTask.Active(dropout) is not { } active) return x.Pointer<float>();
        float* copy = (float*)_scratch.Get("LoRA dropout", x.LengthBytes);
        Mask(active, x.Pointer<float>(), copy, x, add: false);
        return copy;
    }

    private void Mask(Dropout dropout, float* from, float* to, Tensor like, bool add)
    {
        if (OnlyCounts) return;
        var mask = new DropoutTask(dropout, from, to, like.Count, Rows(like).Dim, add);
        _team.For(mask.Items, 1, ref mask);
    }
}
