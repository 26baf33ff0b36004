namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Causal attention within documents and, for local layers, a sliding window.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="q">[tokens, heads · headDim].</param>
    /// <param name="k">[tokens, kvHeads · headDim].</param>
    /// <param name="v">[tokens, kvHeads · headDim].</param>
    /// <param name="documentStarts">Int32 [tokens]: index of the first token of each token's document.</param>
    /// <param name="shape">Heads, headDim, window and scale. No other operation may use q, k and v.</param>
    /// <returns>[tokens, heads · headDim].</returns>
    /// <exception cref="ShapeException">A last axis is not heads · headDim, or a type not that of activations.</exception>
    public static Tensor Attention(Tape tape, Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape)
    {
        var (tokens, dim) = q.AsRows();
        foreach (var qkv in (ReadOnlySpan<Tensor>)[q, k, v]) CheckType(tape.ActivationDType, nameof(Attention), "q, k and v", qkv);
        Check(dim == shape.Heads * shape.HeadDim, nameof(Attention), nameof(q), $"[tokens, {shape.Heads} · {shape.HeadDim}]", q);
        foreach (var kv in (ReadOnlySpan<Tensor>)[k, v])
        {
            string expected = $"[{tokens}, {shape.KvHeads} · {shape.HeadDim}]";
            Check(kv.Count == tokens * shape.KvHeads * shape.HeadDim, nameof(Attention), "k and v", expected, kv);
        }

        Tensor o = tape.New(tokens, dim), lse = tape.New(DType.Float32, shape.Heads, tokens);
        tape.Run(ops => ops.AttentionForward(q, k, v, documentStarts, shape, o, lse));

        // q, k and v differ in what lies behind them only before the first trained layer; gradients of all three are formed together.
        if (tape.NeedsGradient(q) || tape.NeedsGradient(k) || tape.NeedsGradient(v))
        {
            tape.OnBackward(o, dO =>
            {
                Tensor dq = tape.OnlyGradient(q), dk = tape.OnlyGradient(k), dv = tape.OnlyGradient(v);
                tape.Run(ops => ops.AttentionBackward(dO, q, k, v, o, lse, documentStarts, shape, dq, dk, dv));
            });
        }

        return o;
    }
}
