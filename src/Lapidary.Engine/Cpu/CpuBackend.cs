using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine;

/// <summary>The default backend: C# SIMD on the host's cores, fp32 activations, no native dependency.</summary>
/// <remarks>Each operation has its file, Ops/CpuBackend.&lt;Op&gt;.cs.</remarks>
public sealed unsafe partial class CpuBackend : IBackend
{
    private readonly WorkerTeam _team;
    private readonly Allocator _memory;
    private readonly Scratch _scratch;

    /// <summary>Creates the backend.</summary>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    public CpuBackend(int threads = 0) : this(new WorkerTeam(WorkerTeam.CountOf(threads)), new HostAllocator())
    {
    }

    private CpuBackend(WorkerTeam team, Allocator memory)
    {
        (_team, _memory) = (team, memory);
        _scratch = new Scratch(memory);
    }

    /// <summary>A backend that computes nothing and only counts memory; see <see cref="CreateCounter()"/>.</summary>
    /// <param name="threads">Threads of the backend it stands for; 0 for one per core.</param>
    public static CpuBackend CreateCounter(int threads) => new(WorkerTeam.Idle(WorkerTeam.CountOf(threads)), new CountingAllocator());

    /// <inheritdoc/>
    public IBackend CreateCounter() => CreateCounter(_team.Count);

    /// <inheritdoc/>
    public string Description => $"CPU, {_team.Count} {(_team.Count == 1 ? "thread" : "threads")}, {Simd}";

    /// <summary>The widest vector unit that kernels use.</summary>
    public static string Simd => Vector512.IsHardwareAccelerated ? "512-bit vectors"
        : Vector256.IsHardwareAccelerated ? "256-bit vectors"
        : Vector128.IsHardwareAccelerated ? "128-bit vectors" : "no vector unit";

    /// <inheritdoc/>
    public DType ActivationDType => DType.Float32;

    /// <inheritdoc/>
    public long MaxLogitsBytes => LogitsMemory.LeanBytes;

    /// <inheritdoc/>
    public Allocator Memory => _memory;

    /// <summary>Whether addresses have no memory. The team is then idle, and operations skip their direct reads and writes.</summary>
    private bool OnlyCounts => _team.IsIdle;

    /// <inheritdoc/>
    public void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(source);
        if (bytes.Length > destination.LengthBytes)
            throw new ShapeException(nameof(Write), nameof(destination), $"{bytes.Length} bytes", destination);
        if (OnlyCounts) return;
        bytes.CopyTo(new Span<byte>((void*)destination.Address, bytes.Length));
    }

    /// <inheritdoc/>
    public void Read<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(destination);
        if (bytes.Length > source.LengthBytes) throw new ShapeException(nameof(Read), nameof(source), $"{bytes.Length} bytes", source);
        if (OnlyCounts) bytes.Clear();
        else new ReadOnlySpan<byte>((void*)source.Address, bytes.Length).CopyTo(bytes);
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    /// <remarks>A counter's weights need no memory, because nothing reads them.</remarks>
    public Tensor Import(Tensor host, MemoryRegion region) =>
        OnlyCounts ? new Tensor(CountingAllocator.Nowhere, host.DType, host.Shape) { Name = host.Name, Scales = host.Scales } : host;

    /// <inheritdoc/>
    /// <remarks>Weights are decoded in the caches while panels are packed, so nothing is kept.</remarks>
    public IDisposable KeepDecodedWeights(long maxBytes) => new MemoryRegion(_memory, MemoryOwner.DecodedWeights);

    /// <inheritdoc/>
    /// <remarks>Products sum each row in an order that only the length of the sum decides.</remarks>
    public int PromptRows(int tokens) => tokens;

    /// <inheritdoc/>
    /// <remarks>Beyond this, a text takes as much time as it does on average: products are as fast as they get.</remarks>
    public int EfficientTexts => 32;

    /// <inheritdoc/>
    public int DecodeRows(int texts) => texts;

    /// <inheritdoc/>
    /// <remarks>A call costs the CPU almost nothing, so capture would gain nothing.</remarks>
    public IReplay? Capture(Action work) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Close();
        _team.Dispose();
        _scratch.Dispose();
    }
}
