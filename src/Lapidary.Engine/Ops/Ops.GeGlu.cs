namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Two layers with one input and the gated activation of what they yield.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="gate">The gate's layer.</param>
    /// <param name="up">The other layer.</param>
    /// <param name="next">The weight of the next product with the result, for which the backend may prepare it; null if nothing is known of
    /// it.</param>
    /// <returns>[tokens, out].</returns>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static Tensor ProjectGated(Tape tape, Tensor x, Projection gate, Projection up, Tensor? next = null)
    {
        if (!tape.HasIndependentRows)
        {
            Tensor[] both = Project(tape, x, gate, up);
            return GeGlu(tape, both[0], both[1]);
        }

        CheckType(tape.ActivationDType, nameof(ProjectGated), nameof(x), x);
        var (tokens, dim) = x.AsRows();
        long outDim = gate.Weight.Shape[0];
        foreach (var layer in (ReadOnlySpan<Projection>)[gate, up])
        {
            var weight = layer.Weight;
            bool fits = weight.Shape.Length == 2 && weight.Shape[0] == outDim && weight.Shape[1] == dim;
            Check(fits, nameof(ProjectGated), nameof(weight), $"[{outDim}, {dim}]", weight);
            if (layer.RowAdapters is { } others) CheckRows(tape, others, tokens, weight);
        }

        Tensor y = tape.New(tokens, outDim), gateY = tape.New(tokens, outDim), upY = tape.New(tokens, outDim);
        tape.Run(ops => ops.ProjectRowsGated(x, gate, up, gateY, upY, y, next));
        return y;
    }

    /// <summary>Gemma's gated activation: gelu_tanh(gate) · up.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="gate">[tokens, intermediate], used by nothing else.</param>
    /// <param name="up">[tokens, intermediate], used by nothing else.</param>
    /// <returns>[tokens, intermediate].</returns>
    /// <exception cref="ShapeException"><paramref name="up"/> is not of the gate's shape, or a type not that of activations.</exception>
    public static Tensor GeGlu(Tape tape, Tensor gate, Tensor up)
    {
        foreach (var input in (ReadOnlySpan<Tensor>)[gate, up]) CheckType(tape.ActivationDType, nameof(GeGlu), "gate and up", input);
        Check(up.Count == gate.Count, nameof(GeGlu), nameof(up), gate.ToString(), up);
        var y = tape.New(gate.Shape);
        tape.Run(ops => ops.GeGluForward(gate, up, y));
        if (tape.NeedsGradient(gate) || tape.NeedsGradient(up))
        {
            tape.OnBackward(y, dy =>
            {
                // In place: these are the largest activations of a step, and nothing needs their values any more.
                tape.Run(ops => ops.GeGluBackward(dy, gate, up, gate, up));
                tape.PassGradient(gate, gate);
                tape.PassGradient(up, up);
            });
        }

        return y;
    }
}
