namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>A frozen linear layer with an optional LoRA adapter: y = x · Wᵀ + s · dropout(x) · Aᵀ · Bᵀ.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">[out, in]; NF4, fp32, bf16 or fp16.</param>
    /// <param name="adapter">Its gradients are formed where its parameters have one.</param>
    /// <returns>[tokens, out].</returns>
    /// <exception cref="ShapeException">The inner sizes differ, or the adapter is not [r, in] and [out, r].</exception>
    public static Tensor Linear(Tape tape, Tensor x, Tensor weight, LoraAdapter? adapter)
    {
        var (tokens, dim) = x.AsRows();
        Check(weight.Shape.Length == 2 && weight.Shape[1] == dim, nameof(Linear), nameof(weight), $"[out, {dim}]", weight);
        var y = tape.New(tokens, weight.Shape[0]);
        tape.Run(backend => backend.LinearForward(x, weight, y));
        if (adapter is not null) return LinearWithAdapter(tape, x, weight, tape.Training ? adapter : adapter with { Dropout = null }, y);

        if (tape.NeedsGradient(x))
        {
            tape.OnBackward(y, dy =>
            {
                var (dx, add) = tape.Gradient(x);
                tape.Run(backend => backend.LinearBackward(dy, weight, dx, add));
            });
        }

        return y;
    }

    private static Tensor LinearWithAdapter(Tape tape, Tensor x, Tensor weight, LoraAdapter adapter, Tensor y)
    {
        Tensor a = adapter.A.Value, b = adapter.B.Value;
        long r = a.Shape[0];
        Check(a.Shape[1] == weight.Shape[1], nameof(Linear), "lora_A", $"[r, {weight.Shape[1]}]", a);
        Check(b.Shape[0] == weight.Shape[0] && b.Shape[1] == r, nameof(Linear), "lora_B", $"[{weight.Shape[0]}, {r}]", b);
        var xa = tape.New(x.AsRows().Rows, r);
        tape.Run(backend => backend.LoraForward(x, adapter, xa, y));

        bool needsX = tape.NeedsGradient(x);
        if (!needsX && adapter.A.Gradient is null && adapter.B.Gradient is null) return y;
        tape.OnBackward(y, dy =>
        {
            Tensor? dx = null;
            if (needsX)
            {
                (dx, bool add) = tape.Gradient(x);
                var target = dx;
                tape.Run(backend => backend.LinearBackward(dy, weight, target, add));
            }

            tape.Run(backend => backend.LoraBackward(dy, x, adapter, xa, dx));
        });
        return y;
    }
}
