using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu;

/// <summary>The default backend: C# SIMD on the host's cores, fp32 activations, no native dependency.</summary>
/// <remarks>Each operation has a file of its own, CpuBackend.&lt;Op&gt;.cs.</remarks>
public sealed unsafe partial class CpuBackend : IBackend
{
    private readonly WorkerTeam _team;
    private readonly CpuAllocator _memory = new();
    private readonly Scratch _scratch;

    /// <summary>Creates the backend.</summary>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    public CpuBackend(int threads = 0)
    {
        _team = new WorkerTeam(threads > 0 ? threads : Environment.ProcessorCount);
        _scratch = new Scratch(_memory);
    }

    /// <inheritdoc/>
    public string Description => $"CPU, {_team.Count} {(_team.Count == 1 ? "thread" : "threads")}, {Simd}";

    /// <summary>The widest vector unit that kernels use.</summary>
    public static string Simd => Vector512.IsHardwareAccelerated ? "512-bit vectors"
        : Vector256.IsHardwareAccelerated ? "256-bit vectors"
        : Vector128.IsHardwareAccelerated ? "128-bit vectors" : "no vector unit";

    /// <inheritdoc/>
    public DType ActivationDType => DType.Float32;

    /// <inheritdoc/>
    public Allocator Memory => _memory;

    /// <inheritdoc/>
    public void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(source);
        if (bytes.Length > destination.LengthBytes) throw new ShapeException(nameof(Write), nameof(destination), $"{bytes.Length} bytes", destination);
        bytes.CopyTo(new Span<byte>((void*)destination.Address, bytes.Length));
    }

    /// <inheritdoc/>
    public void Read<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(destination);
        if (bytes.Length > source.LengthBytes) throw new ShapeException(nameof(Read), nameof(source), $"{bytes.Length} bytes", source);
        new ReadOnlySpan<byte>((void*)source.Address, bytes.Length).CopyTo(bytes);
    }

    /// <inheritdoc/>
    public Tensor Import(Tensor host, MemoryRegion region) => host;

    /// <inheritdoc/>
    /// <remarks>A call costs the CPU next to nothing: there is nothing to gain.</remarks>
    public IReplay? Capture(Action work) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _team.Dispose();
        _scratch.Dispose();
    }
}
