using System.Globalization;
using Lapidary.Engine.Cuda;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>The backend of NVIDIA GPUs of compute capability 7.5 and above: activations in bf16, or in fp16 with a residual stream in fp32;
/// kernels compiled for the installed card, products by cuBLASLt.</summary>
/// <remarks>
/// <para>Each operation has its class, next to its kernels; <see cref="CudaOperations"/> lists them. All work goes to one stream, in order;
/// only <see cref="Read{T}"/> and <see cref="Synchronize"/> wait for it.</para>
/// <para>Needs a driver, NVRTC and cuBLASLt, and no CUDA header: see <see cref="CudaLibraries"/>.</para>
/// </remarks>
public sealed class CudaBackend : IBackend
{
    private readonly CudaRuntime _runtime;
    private readonly CudaOperations _operations;
    private bool _isDisposed;

    /// <summary>Creates the backend on a device.</summary>
    /// <param name="device">Ordinal of the device, from 0.</param>
    /// <param name="options">How it computes; null for the device's own choice.</param>
    /// <exception cref="LapidaryException">The device does not exist, is too old or cannot compute so, or a library is missing; the message
    /// says what to do.</exception>
    public CudaBackend(int device = 0, CudaOptions? options = null)
        : this(device, new KernelThresholds(), options)
    {
    }

    /// <summary>Creates the backend on a device, with other choices between kernels.</summary>
    internal CudaBackend(int device, KernelThresholds thresholds, CudaOptions? options = null)
        : this(new CudaRuntime(Require(device), thresholds, options?.ActivationDType))
    {
    }

    private CudaBackend(CudaRuntime runtime) => (_runtime, _operations) = (runtime, new CudaOperations(runtime));

    /// <summary>A backend that computes nothing and only counts memory, for a device that need not be installed; see
    /// <see cref="CreateCounter()"/>.</summary>
    /// <param name="device">The device; null for one like an H100.</param>
    /// <param name="options">As for the constructor.</param>
    public static CudaBackend CreateCounter(CudaDevice? device, CudaOptions? options = null) =>
        new(CudaRuntime.OfCounter(device ?? CudaDevice.Assumed, options?.ActivationDType));

    /// <inheritdoc/>
    public IBackend CreateCounter() => CreateCounter(Device, new CudaOptions { ActivationDType = ActivationDType });

    /// <summary>The first usable device that is not slow (<see cref="CudaDevice.WhySlow"/>); null if none is.</summary>
    public static int? FirstAvailable() => CudaDevice.All()
        .Where(device => device.WhySlow() is null && WhyUnavailable(device.Ordinal) is null)
        .Select(device => (int?)device.Ordinal)
        .FirstOrDefault();

    /// <summary>Why a device cannot be used, in one line that says what to do; null if it can.</summary>
    public static string? WhyUnavailable(int device = 0)
    {
        try
        {
            Require(device);
            return null;
        }
        catch (LapidaryException reason)
        {
            return reason.Message;
        }
    }

    /// <summary>The device.</summary>
    public CudaDevice Device => _runtime.Device;

    /// <summary>The device's context, stream and memory, for communicators.</summary>
    internal CudaRuntime Runtime => _runtime;

    /// <inheritdoc/>
    public string Description
    {
        get
        {
            string memory = Device.MemoryBytes > 0 ? $", {ByteSize.Format(Device.MemoryBytes)}" : "";
            return string.Create(CultureInfo.InvariantCulture, $"{Device.Name}{memory}, compute capability {Device.ComputeCapability}");
        }
    }

    /// <inheritdoc/>
    public DType ActivationDType => _runtime.ActivationDType;

    /// <inheritdoc/>
    /// <remarks>fp32 beside activations in fp16, whose range the stream leaves.</remarks>
    public DType ResidualDType => _runtime.ResidualDType;

    /// <inheritdoc/>
    public long MaxLogitsBytes => LogitsMemory.MaxBytes;

    /// <inheritdoc/>
    public Allocator Memory => _runtime.Memory;

    /// <inheritdoc/>
    public void Synchronize() => _runtime.Synchronize();

    /// <inheritdoc/>
    public IReplay? Capture(Action work) => _runtime.Capture(work);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed) return;
        Memory.Close();
        _isDisposed = true;
        _operations.Dispose();
        _runtime.Dispose();
    }

    /// <inheritdoc/>
    public void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged =>
        _operations.Transfers.Write(source, destination);

    /// <inheritdoc/>
    public void Read<T>(Tensor source, Span<T> destination) where T : unmanaged =>
        _operations.Transfers.Read(source, destination);

    /// <inheritdoc/>
    public Tensor Import(Tensor host, MemoryRegion region) => _operations.Transfers.Import(host, region);

    /// <inheritdoc/>
    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region) => _operations.QuantizeNf4.Run(host, options, region);

    /// <inheritdoc/>
    public IDisposable KeepDecodedWeights(long maxBytes) => _operations.Projector.KeepDecodedWeights(maxBytes);

    /// <inheritdoc/>
    public void Zero(Tensor tensor) => _runtime.Launcher.Zero(tensor);

    /// <inheritdoc/>
    public void Add(Tensor source, Tensor target) => _operations.Add.Run(source, target);

    /// <inheritdoc/>
    /// <remarks>An id outside the vocabulary cannot be reported without waiting for the device. Its row becomes NaN, and so does the
    /// loss.</remarks>
    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y) => _operations.Embedding.Forward(ids, table, scale, y);

    /// <inheritdoc/>
    /// <remarks>Ids outside the vocabulary add nothing.</remarks>
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable) =>
        _operations.Embedding.Backward(ids, dy, scale, dTable);

    /// <inheritdoc/>
    public void RmsNormForward(
        Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next = null) =>
        _operations.RmsNorm.Forward(x, weight, residual, epsilon, y, rstd, next);

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight) =>
        _operations.RmsNorm.Backward(dy, x, weight, rstd, dx, add, dWeight);

    /// <inheritdoc/>
    public void LinearForward(Tensor x, Tensor weight, Tensor y) => _operations.Linear.Forward(x, weight, y);

    /// <inheritdoc/>
    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add) => _operations.Linear.Backward(dy, weight, dx, add);

    /// <inheritdoc/>
    public void ProjectForward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, bool isPrompt = false) =>
        _operations.Projector.Forward(x, projections, xas, ys, isPrompt ? StepRows.PromptPiece : 0);

    /// <inheritdoc/>
    public void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add) =>
        _operations.Projector.Backward(dys, x, projections, xas, dx, add);

    /// <inheritdoc/>
    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) =>
        _operations.RopeTable.Run(positions, inverseFrequencies, cos, sin);

    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd) =>
        _operations.QkNormRope.Forward(x, weight, cos, sin, epsilon, y, rstd);

    /// <inheritdoc/>
    public void QkNormRopeBackward(
        Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight) =>
        _operations.QkNormRope.Backward(dy, x, weight, cos, sin, rstd, dx, dWeight);

    /// <inheritdoc/>
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse) =>
        _operations.AttentionForward.Run(q, k, v, documentStarts, shape, o, lse);

    /// <inheritdoc/>
    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv) =>
        _operations.AttentionBackward.Run(dO, q, k, v, o, lse, documentStarts, shape, dq, dk, dv);

    /// <inheritdoc/>
    public void GeGluForward(Tensor gate, Tensor up, Tensor y) => _operations.GeGlu.Forward(gate, up, y);

    /// <inheritdoc/>
    public void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) =>
        _operations.GeGlu.Backward(dy, gate, up, dGate, dUp);

    /// <inheritdoc/>
    /// <remarks>A label outside the vocabulary cannot be reported without waiting for the device. Its loss is NaN.</remarks>
    public void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight, int maxLabels,
        long maxLogitsBytes) =>
        _operations.LinearCrossEntropy.Run(h, weight, labels, lossScale, losses, hits, dh, dWeight, maxLabels, maxLogitsBytes);

    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result) =>
        _operations.GradientNorm.Run(gradients, maxNorm, scale, result);

    /// <inheritdoc/>
    public void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v) =>
        _operations.AdamW.Run(dWeight, norm, stepScalars, options, weight, m, v);

    /// <inheritdoc/>
    public void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys) =>
        _operations.RowProjector.Run(x, projections, ys);

    /// <inheritdoc/>
    public void ProjectRowsGated(
        Tensor x, Projection gate, Projection up, Tensor gateY, Tensor upY, Tensor y, Tensor? next = null) =>
        _operations.RowProjector.RunGated(x, gate, up, gateY, upY, y, next);

    /// <inheritdoc/>
    public void RmsNormPair(
        Tensor x, Tensor weight, Tensor residual, Tensor nextWeight, float epsilon, Tensor h, Tensor y, Tensor rstd,
        Tensor? next = null) =>
        _operations.RmsNorm.Pair(x, weight, residual, nextWeight, epsilon, h, y, rstd, next);

    /// <inheritdoc/>
    public void QkvToCache(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        Tensor rstd) =>
        _operations.QkNormRope.ToCache(q, k, v, norms, rope, slots, positions, keys, values);

    /// <inheritdoc/>
    public void KvAppend(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values) =>
        _operations.KvAppend.Run(k, v, slots, positions, keys, values);

    /// <inheritdoc/>
    public void CachedAttention(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o) =>
        _operations.CachedAttention.Run(q, slots, positions, keys, values, shape, o);

    /// <inheritdoc/>
    public void QkvAttention(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        AttentionShape shape, Tensor o, Tensor rstd, Tensor? next = null)
    {
        if (_operations.FreshAttention.Run(q, k, v, norms, rope, slots, positions, keys, values, shape, o, next)) return;
        QkvToCache(q, k, v, norms, rope, slots, positions, keys, values, rstd);
        _operations.CachedAttention.Run(q, slots, positions, keys, values, shape, o);
    }

    /// <inheritdoc/>
    public int PromptRows(int tokens) => StepRows.OfPrompts(tokens);

    /// <inheritdoc/>
    /// <remarks>Products of 2,048 rows take two thirds of the time of four of 512 (1B on an H200).</remarks>
    public int EfficientPromptRows => 4 * StepRows.PromptPiece;

    /// <inheritdoc/>
    public int EfficientTexts => 256;

    /// <inheritdoc/>
    public int DecodeRows(int texts) => StepRows.OfTexts(texts);

    /// <inheritdoc/>
    public void ArgMax(Tensor x, Tensor indices) => _operations.ArgMax.Run(x, indices);

    /// <inheritdoc/>
    public void EditLogits(Tensor x, Tensor edits) => _operations.EditLogits.Run(x, edits);

    /// <inheritdoc/>
    /// <remarks>Leaves a row undecided where more than some thousand elements are nearly equal, or top_k is larger than that.</remarks>
    public void Draw(Tensor x, Tensor draws, Tensor indices) => _operations.Draw.Run(x, draws, indices);

    private static CudaDevice Require(int ordinal)
    {
        var device = CudaDevice.Get(ordinal);
        _ = CudaLibraries.Require(CudaLibrary.Nvrtc);
        _ = CudaLibraries.Require(CudaLibrary.CublasLt);
        return device;
    }
}
