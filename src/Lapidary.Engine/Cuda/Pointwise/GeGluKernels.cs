using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The gated activation of the MLP.</summary>
internal sealed class GeGluKernels(Launcher launcher)
{
    private readonly Kernel _forward = new("geglu.cu", "geglu_forward");
    private readonly Kernel _backward = new("geglu.cu", "geglu_backward");

    /// <inheritdoc cref="IOps.GeGluForward"/>
    public void Forward(Tensor gate, Tensor up, Tensor y) => launcher.LaunchStrided(
        _forward, y.Count, width: 8, new GeGluForwardArgs { Gate = gate.Address, Up = up.Address, Y = y.Address, Count = y.Count });

    /// <inheritdoc cref="IOps.GeGluBackward"/>
    public void Backward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => launcher.LaunchStrided(
        _backward,
        dy.Count,
        width: 8,
        new GeGluBackwardArgs
        {
            Dy = dy.Address,
            Gate = gate.Address,
            Up = up.Address,
            DGate = dGate.Address,
            DUp = dUp.Address,
            Count = dy.Count,
        });

    private struct GeGluForwardArgs
    {
        public nint Gate, Up, Y;
        public long Count;
    }

    private struct GeGluBackwardArgs
    {
        public nint Dy, Gate, Up, DGate, DUp;
        public long Count;
    }
}
