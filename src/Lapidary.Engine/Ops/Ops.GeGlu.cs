namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Gemma's gated activation: gelu_tanh(gate) · up.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="gate">[tokens, intermediate], used by nothing else.</param>
    /// <param name="up">[tokens, intermediate], used by nothing else.</param>
    /// <returns>[tokens, intermediate].</returns>
    /// <exception cref="ShapeException"><paramref name="up"/> is not of the gate's shape.</exception>
    public static Tensor GeGlu(Tape tape, Tensor gate, Tensor up)
    {
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
