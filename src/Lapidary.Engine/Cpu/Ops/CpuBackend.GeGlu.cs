using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void GeGluForward(Tensor gate, Tensor up, Tensor y) =>
        _team.Each(y.Count, new GeGluOp { Gate = gate.Pointer<float>(), Up = up.Pointer<float>(), Y = y.Pointer<float>() });

    /// <inheritdoc/>
    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => _team.Each(dy.Count, new GeGluBackwardOp
    {
        Dy = dy.Pointer<float>(),
        Gate = gate.Pointer<float>(),
        Up = up.Pointer<float>(),
        DGate = dGate.Pointer<float>(),
        DUp = dUp.Pointer<float>(),
    });
}
