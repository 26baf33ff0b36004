using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cuda;

/// <content>Members that no branch has merged yet.</content>
public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public void Add(Tensor source, Tensor target) => throw Pending();

    /// <inheritdoc/>
    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y) => throw Pending();

    /// <inheritdoc/>
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable) => throw Pending();

    /// <inheritdoc/>
    public void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd) => throw Pending();

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, bool add) => throw Pending();

    /// <inheritdoc/>
    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) => throw Pending();

    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd) => throw Pending();

    /// <inheritdoc/>
    public void QkNormRopeBackward(Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor dx) => throw Pending();

    /// <inheritdoc/>
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse) => throw Pending();

    /// <inheritdoc/>
    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv) => throw Pending();

    /// <inheritdoc/>
    public void GeGluForward(Tensor gate, Tensor up, Tensor y) => throw Pending();

    /// <inheritdoc/>
    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => throw Pending();

    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor result) => throw Pending();

    /// <inheritdoc/>
    public void AdamW(Tensor dWeight, Tensor norm, Tensor schedule, AdamWOptions options, Tensor weight, Tensor m, Tensor v) => throw Pending();

    /// <inheritdoc/>
    public void KvAppend(Tensor k, Tensor v, Tensor position, Tensor keys, Tensor values) => throw Pending();

    /// <inheritdoc/>
    public void AttentionDecode(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o) => throw Pending();

    private static LapidaryException Pending([CallerMemberName] string op = "") => new($"{op} does not run on CUDA yet: use --device cpu.");
}
