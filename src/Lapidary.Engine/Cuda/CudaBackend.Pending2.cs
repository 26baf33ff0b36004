namespace Lapidary.Engine.Cuda;
public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public void LoraForward(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y) => throw Pending();

    /// <inheritdoc/>
    public void LoraBackward(Tensor dy, Tensor x, LoraAdapter adapter, Tensor xa, Tensor? dx) => throw Pending();

    /// <inheritdoc/>
    public void LinearCrossEntropy(Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight) => throw Pending();
}
