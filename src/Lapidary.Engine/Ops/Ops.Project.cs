namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Linear layers that read the same input, each with its LoRA adapter: y = x · Wᵀ + s · dropout(x) · Aᵀ · Bᵀ.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="projections">For example q, k and v. Gradients of weights and of adapters are computed if they have one.</param>
    /// <returns>[tokens, out] for each layer. Use either all of them or none.</returns>
    /// <exception cref="ShapeException">The inner sizes differ, an adapter is not [r, in] and [out, r], a gradient is not of its
    /// weight's shape, or <paramref name="x"/> is no activation.</exception>
    public static Tensor[] Project(Tape tape, Tensor x, params ReadOnlySpan<Projection> projections) =>
        Project(tape, x, tape.ActivationDType, projections);

    /// <summary>The same of one layer whose result a norm takes before it is added to the residual stream.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="projection">The layer.</param>
    /// <returns>[tokens, out], of the residual stream's type; its gradient is an activation.</returns>
    /// <exception cref="ShapeException">As for the other.</exception>
    public static Tensor ProjectToResidual(Tape tape, Tensor x, Projection projection) =>
        Project(tape, x, tape.ResidualDType, [projection])[0];

    private static Tensor[] Project(Tape tape, Tensor x, DType outputs, ReadOnlySpan<Projection> projections)
    {
        CheckType(tape.ActivationDType, nameof(Project), nameof(x), x);
        var (tokens, dim) = x.AsRows();
        var layers = new Projection[projections.Length];
        var ys = new Tensor[projections.Length];
        var xas = new Tensor?[projections.Length];
        bool isTrained = false;
        for (int i = 0; i < layers.Length; i++)
        {
            var (weight, adapter) = projections[i];
            Check(weight.Shape.Length == 2 && weight.Shape[1] == dim, nameof(Project), "weight", $"[out, {dim}]", weight);
            ys[i] = tape.New(outputs, tokens, weight.Shape[0]);
            if (projections[i].WeightGradient is { } dWeight)
            {
                CheckGradient(nameof(Project), weight, dWeight);
                isTrained = true;
            }

            if (adapter is not null)
            {
                long r = CheckedRank(adapter, weight);
                if (!tape.HasIndependentRows) xas[i] = tape.New(tokens, r);
                isTrained |= adapter.A.Gradient is not null || adapter.B.Gradient is not null;
                if (!tape.Training) adapter = adapter with { Dropout = null };
            }

            if (projections[i].RowAdapters is { } others) CheckRows(tape, others, tokens, weight);

            layers[i] = projections[i] with { Adapter = adapter };
        }

        if (tape.HasIndependentRows)
        {
            tape.Run(ops => ops.ProjectRows(x, layers, ys));
            return ys;
        }

        tape.Run(ops => ops.ProjectForward(x, layers, xas, ys, tape.IsPrompt));
        bool needsX = tape.NeedsGradient(x);
        if (!needsX && !isTrained) return ys;
        tape.OnBackward(ys, dys =>
        {
            var (dx, add) = needsX ? tape.Gradient(x) : default;
            tape.Run(ops => ops.ProjectBackward(dys, x, layers, xas, dx, add));
        });
        return ys;
    }

    private static void CheckRows(Tape tape, RowAdapters others, long tokens, Tensor weight)
    {
        if (!tape.HasIndependentRows) throw new InvalidOperationException("Only a step that decodes has adapters for single rows.");
        Check(others.Indices.Count == tokens, nameof(Project), "indices of adapters", $"[{tokens}]", others.Indices);
        foreach (var adapter in others.Adapters)
        {
            if (adapter is not null) CheckedRank(adapter, weight);
        }
    }

    private static long CheckedRank(LoraAdapter adapter, Tensor weight)
    {
        Tensor a = adapter.A.Value, b = adapter.B.Value;
        long r = a.Shape[0];
        Check(a.Shape[1] == weight.Shape[1], nameof(Project), "lora_A", $"[r, {weight.Shape[1]}]", a);
        Check(b.Shape[0] == weight.Shape[0] && b.Shape[1] == r, nameof(Project), "lora_B", $"[{weight.Shape[0]}, {r}]", b);
        return r;
    }
}
