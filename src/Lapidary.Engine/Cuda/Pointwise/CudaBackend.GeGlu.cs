using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _geGluForward = new("geglu.cu", "geglu_forward");
    private readonly Kernel _geGluBackward = new("geglu.cu", "geglu_backward");

    /// <inheritdoc/>
    public void GeGluForward(Tensor gate, Tensor up, Tensor y) => LaunchStrided(
        _geGluForward, y.Count, width: 8, new GeGluForwardArgs { Gate = gate.Address, Up = up.Address, Y = y.Address, Count = y.Count });

    /// <inheritdoc/>
    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => LaunchStrided(
        _geGluBackward,
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
