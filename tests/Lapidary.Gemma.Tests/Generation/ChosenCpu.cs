using Lapidary.Engine;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>The CPU for generation alone, with what a test chooses: the rows of steps over prompts, which no CPU rounds, and the memory.
/// Its bits are those of the CPU.</summary>
/// <param name="piece">Steps over prompts have this number of rows, or a multiple.</param>
/// <param name="memory">Null for the CPU's own.</param>
internal sealed class ChosenCpu(int piece = 1, Allocator? memory = null) : IBackend
{
    private readonly CpuBackend _cpu = new(threads: 1);

    /// <summary>Rows of the steps that ran, in order.</summary>
    public List<int> Rows { get; } = [];

    public string Description => _cpu.Description;

    public DType ActivationDType => _cpu.ActivationDType;

    public long MaxLogitsBytes => _cpu.MaxLogitsBytes;

    public Allocator Memory => memory ?? _cpu.Memory;

    public int EfficientPromptRows { get; init; } = 512;

    public int EfficientTexts => _cpu.EfficientTexts;

    public int PromptRows(int tokens) => (tokens + piece - 1) / piece * piece;

    public int DecodeRows(int texts) => texts;

    public IBackend CreateCounter() => _cpu.CreateCounter();

    public void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged => _cpu.Write(source, destination);

    public void Read<T>(Tensor source, Span<T> destination) where T : unmanaged => _cpu.Read(source, destination);

    public void Synchronize() => _cpu.Synchronize();

    public Tensor Import(Tensor host, MemoryRegion region) => _cpu.Import(host, region);

    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region) => _cpu.QuantizeNf4(host, options, region);

    public IDisposable KeepDecodedWeights(long maxBytes) => _cpu.KeepDecodedWeights(maxBytes);

    public IReplay? Capture(Action work) => null;

    public void Dispose() => _cpu.Dispose();

    public void Zero(Tensor tensor) => _cpu.Zero(tensor);

    public void Add(Tensor source, Tensor target) => _cpu.Add(source, target);

    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y)
    {
        Rows.Add((int)ids.Count);
        _cpu.EmbeddingForward(ids, table, scale, y);
    }

    public void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next = null) =>
        _cpu.RmsNormForward(x, weight, residual, epsilon, y, rstd, next);

    public void LinearForward(Tensor x, Tensor weight, Tensor y) => _cpu.LinearForward(x, weight, y);

    public void ProjectForward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, bool isPrompt = false) =>
        _cpu.ProjectForward(x, projections, xas, ys, isPrompt);

    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) =>
        _cpu.RopeTable(positions, inverseFrequencies, cos, sin);

    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd) =>
        _cpu.QkNormRopeForward(x, weight, cos, sin, epsilon, y, rstd);

    public void GeGluForward(Tensor gate, Tensor up, Tensor y) => _cpu.GeGluForward(gate, up, y);

    public void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys) =>
        _cpu.ProjectRows(x, projections, ys);

    public void KvAppend(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values) =>
        _cpu.KvAppend(k, v, slots, positions, keys, values);

    public void CachedAttention(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o) =>
        _cpu.CachedAttention(q, slots, positions, keys, values, shape, o);

    public void ArgMax(Tensor x, Tensor indices) => _cpu.ArgMax(x, indices);

    public void EditLogits(Tensor x, Tensor edits) => _cpu.EditLogits(x, edits);

    public void Draw(Tensor x, Tensor draws, Tensor indices) => _cpu.Draw(x, draws, indices);

    // The rest is of training.
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable) => throw new NotSupportedException();

    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight) =>
        throw new NotSupportedException();

    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add) => throw new NotSupportedException();

    public void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add) =>
        throw new NotSupportedException();

    public void QkNormRopeBackward(
        Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight) =>
        throw new NotSupportedException();

    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse) =>
        throw new NotSupportedException();

    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape, Tensor dq, Tensor dk,
        Tensor dv) => throw new NotSupportedException();

    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) => throw new NotSupportedException();

    public void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight, int maxLabels,
        long maxLogitsBytes) => throw new NotSupportedException();

    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result) =>
        throw new NotSupportedException();

    public void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v) =>
        throw new NotSupportedException();
}
