using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The gated activation of the MLP.</summary>
internal sealed class GeGluKernels(Launcher launcher, ArrangedRows arranged)
{
    private readonly Kernel _forward = new("geglu.cu", "geglu_forward");
    private readonly Kernel _backward = new("geglu.cu", "geglu_backward");

    /// <inheritdoc cref="IOps.GeGluForward"/>
    /// <remarks><paramref name="next"/> is that of <see cref="IOps.ProjectRowsGated"/>.</remarks>
    public void Forward(Tensor gate, Tensor up, Tensor y, Tensor? next = null)
    {
        var copy = arranged.Place(RowMaker.Gate, y, next);
        launcher.LaunchStrided(_forward, y.Count, width: 8, new GeGluForwardArgs
        {
            Gate = gate.Address,
            Up = up.Address,
            Y = y.Address,
            Count = y.Count,
            Copy = copy,
        });
        arranged.Add(y, copy);
    }

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
        public ArrangedCopy Copy;
    }

    private struct GeGluBackwardArgs
    {
        public nint Dy, Gate, Up, DGate, DUp;
        public long Count;
    }
}
