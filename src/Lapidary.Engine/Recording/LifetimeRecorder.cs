using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Recording;

/// <summary>Operations that compute nothing. They record the name of each call and the buffers that it touches, hence how long every buffer
/// must live.</summary>
internal sealed class LifetimeRecorder : IOps
{
    private readonly Dictionary<Tensor, Lifetime> _lifetimes = [];

    /// <summary>Index of the call that is being recorded.</summary>
    public int Step { get; private set; } = -1;

    /// <summary>Name of the call's operation in <see cref="IOps"/>; null if none was called.</summary>
    public string? Op { get; private set; }

    /// <summary>Lifetimes of the program's own buffers.</summary>
    public IEnumerable<Lifetime> Lifetimes => _lifetimes.Values;

    /// <summary>Moves to the next call.</summary>
    public void Next()
    {
        Step++;
        Op = null;
    }

    /// <summary>Adds a buffer of the program.</summary>
    public void Track(Tensor tensor) => _lifetimes.Add(tensor, new Lifetime(tensor));

    /// <summary>Keeps a buffer to the end of the program.</summary>
    public void Keep(Tensor tensor) => _lifetimes[tensor.Root].Touch(int.MaxValue);

    public void Zero(Tensor tensor) => Touch([tensor]);

    public void Add(Tensor source, Tensor target) => Touch([source, target]);

    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y) => Touch([ids, table, y]);

    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable) => Touch([ids, dy, dTable]);

    public void RmsNormForward(
        Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next = null) =>
        Touch([x, weight, residual, y, rstd]);

    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight) =>
        Touch([dy, x, weight, rstd, dx, dWeight]);

    public void LinearForward(Tensor x, Tensor weight, Tensor y) => Touch([x, weight, y]);

    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add) => Touch([dy, weight, dx]);

    public void ProjectForward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, bool isPrompt = false) =>
        Touch([x, .. xas, .. ys]);

    public void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add) =>
        Touch([.. dys, x, .. xas, dx, .. projections.Select(projection => projection.WeightGradient)]);

    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) =>
        Touch([positions, inverseFrequencies, cos, sin]);

    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd) =>
        Touch([x, weight, cos, sin, y, rstd]);

    public void QkNormRopeBackward(
        Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight) =>
        Touch([dy, x, weight, cos, sin, rstd, dx, dWeight]);

    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse) =>
        Touch([q, k, v, documentStarts, o, lse]);

    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv) => Touch([dO, q, k, v, o, lse, documentStarts, dq, dk, dv]);

    public void GeGluForward(Tensor gate, Tensor up, Tensor y) => Touch([gate, up, y]);

    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => Touch([dy, gate, up, dGate, dUp]);

    public void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight,
        int maxLabels, long maxLogitsBytes) =>
        Touch([h, weight, labels, lossScale, losses, hits, dh, dWeight]);

    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result) =>
        Touch([.. gradients, scale, result]);

    public void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v) =>
        Touch([dWeight, norm, stepScalars, weight, m, v]);

    public void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys) =>
        Touch([x, .. projections.Select(projection => projection.RowAdapters?.Indices), .. ys]);

    public void ProjectRowsGated(
        Tensor x, Projection gate, Projection up, Tensor gateY, Tensor upY, Tensor y, Tensor? next = null) =>
        Touch([x, gate.RowAdapters?.Indices, up.RowAdapters?.Indices, gateY, upY, y]);

    public void RmsNormPair(
        Tensor x, Tensor weight, Tensor residual, Tensor nextWeight, float epsilon, Tensor h, Tensor y, Tensor rstd,
        Tensor? next = null) =>
        Touch([x, weight, residual, nextWeight, h, y, rstd]);

    public void QkvToCache(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        Tensor rstd) =>
        Touch([q, k, v, norms.Q, norms.K, rope.Cos, rope.Sin, slots, positions, keys, values, rstd]);

    public void KvAppend(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values) =>
        Touch([k, v, slots, positions, keys, values]);

    public void CachedAttention(
        Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o) =>
        Touch([q, slots, positions, keys, values, o]);

    public void QkvAttention(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        AttentionShape shape, Tensor o, Tensor rstd, Tensor? next = null) =>
        Touch([q, k, v, norms.Q, norms.K, rope.Cos, rope.Sin, slots, positions, keys, values, o, rstd]);

    public void ArgMax(Tensor x, Tensor indices) => Touch([x, indices]);

    public void EditLogits(Tensor x, Tensor edits) => Touch([x, edits]);

    public void Draw(Tensor x, Tensor draws, Tensor indices) => Touch([x, draws, indices]);

    private void Touch(ReadOnlySpan<Tensor?> tensors, [CallerMemberName] string op = "")
    {
        Op = Op is null ? op : $"{Op}, {op}";
        foreach (var tensor in tensors)
        {
            if (tensor is not null && _lifetimes.TryGetValue(tensor.Root, out var lifetime)) lifetime.Touch(Step);
        }
    }
}
