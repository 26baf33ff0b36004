namespace Lapidary.Engine.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Zero(Tensor tensor) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Add(Tensor source, Tensor target) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, bool add) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearForward(Tensor x, Tensor weight, Tensor y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LoraForward(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LoraBackward(Tensor dy, Tensor x, LoraAdapter adapter, Tensor xa, Tensor? dx) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void QkNormRopeBackward(Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor dx) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void AttentionBackward(Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape, Tensor dq, Tensor dk, Tensor dv) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void GeGluForward(Tensor gate, Tensor up, Tensor y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void LinearCrossEntropy(Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor result) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void AdamW(Tensor dWeight, Tensor norm, Tensor schedule, AdamWOptions options, Tensor weight, Tensor m, Tensor v) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void KvAppend(Tensor k, Tensor v, Tensor position, Tensor keys, Tensor values) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void AttentionDecode(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o) => throw new NotSupportedException();
}
