using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Sampling;

/// <summary>Changes of single logits.</summary>
internal sealed class EditLogitsKernel(Launcher launcher)
{
    private const int Threads = 256;

    private readonly Kernel _edit = new("edit_logits.cu", "edit_logits");

    /// <inheritdoc cref="IOps.EditLogits"/>
    public void Run(Tensor x, Tensor edits) =>
        launcher.LaunchEach(_edit, edits.LengthBytes / LogitEdit.LengthBytes - 1, Threads, new EditLogitsArgs
        {
            X = x.Address,
            Edits = edits.Address,
            Dim = KernelShapes.Rows(x).Dim,
        });

    private struct EditLogitsArgs
    {
        public nint X, Edits;
        public int Dim;
    }
}
