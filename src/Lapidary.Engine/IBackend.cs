namespace Lapidary.Engine;

/// <summary>A device that computes: its operations, its memory, the ways in and out of it, and the capture of a step.</summary>
public interface IBackend : IOps, IDisposable
{
    /// <summary>One line for people: "CPU, 2 threads, AVX-512".</summary>
    string Description { get; }

    /// <summary>Type of activations.</summary>
    DType ActivationDType { get; }

    /// <summary>Bytes of logits at a time beyond which products gain nothing.</summary>
    long MaxLogitsBytes { get; }

    /// <summary>The backend's memory.</summary>
    Allocator Memory { get; }

    /// <summary>A backend of the same kind that computes nothing and hands out addresses without memory: its operations only ask for their
    /// scratch. What is set up on it counts the memory, to the byte, that the same calls take here.</summary>
    IBackend CreateCounter();

    /// <summary>Copies host bytes into the start of a tensor.</summary>
    void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged;

    /// <summary>Copies the start of a tensor to host bytes, after all work before it is done.</summary>
    void Read<T>(Tensor source, Span<T> destination) where T : unmanaged;

    /// <summary>Waits for all work that was queued; at once on a backend that queues none.</summary>
    void Synchronize();

    /// <summary>Load time only: brings a weight from host memory to the backend. Where the two are the same memory, the tensor itself comes
    /// back, so that weights mapped from a file are not copied.</summary>
    Tensor Import(Tensor host, MemoryRegion region);

    /// <summary>Load time only: quantizes a weight in host memory to NF4.</summary>
    /// <param name="host">[out, in], fp32, bf16 or fp16.</param>
    /// <param name="options">Block size and double quantization.</param>
    /// <param name="region">Receives the codes and scales.</param>
    Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region);

    /// <summary>Until the result is disposed, <see cref="IOps.ProjectForward"/> and <see cref="IOps.ProjectBackward"/> keep what they
    /// decode of frozen weights for the next use, where decoding takes time worth it. No bits depend on it. The weights must not change
    /// meanwhile. There is one such keeping at a time: what an earlier one kept is freed.</summary>
    /// <param name="maxBytes">Memory of <see cref="MemoryOwner.DecodedWeights"/>, at most; weights that come up when it is used up are
    /// decoded anew each time.</param>
    IDisposable KeepDecodedWeights(long maxBytes);

    /// <summary>Captures what <paramref name="work"/> calls, to be queued at once later, or null where that would gain nothing. The same
    /// work must have run before. Nothing is computed by the capture itself.</summary>
    IReplay? Capture(Action work);
}
