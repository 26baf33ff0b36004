namespace Lapidary.Engine.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearForward(Tensor x, Tensor weight, Tensor y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LoraForward(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LoraBackward(Tensor dy, Tensor x, LoraAdapter adapter, Tensor xa, Tensor? dx) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearCrossEntropy(Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight) => throw new NotSupportedException();
}
