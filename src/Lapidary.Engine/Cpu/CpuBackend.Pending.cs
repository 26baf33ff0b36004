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
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void AttentionBackward(Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape, Tensor dq, Tensor dk, Tensor dv) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearCrossEntropy(Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void AttentionDecode(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o) => throw new NotSupportedException();
}
