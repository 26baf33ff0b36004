namespace Lapidary.Engine;

/// <summary>A compute device: operations, memory, copies to and from it, and capture of a step.</summary>
public interface IBackend : IOps, IDisposable
{
    /// <summary>One line to print: "CPU, 2 threads, AVX-512".</summary>
    string Description { get; }

    /// <summary>Type of activations: what products multiply, and what they write unless a norm takes it.</summary>
    DType ActivationDType { get; }

    /// <summary>Type of the residual stream, of its gradient, and of results of products that a norm takes before they are added to
    /// it.</summary>
    DType ResidualDType => ActivationDType;

    /// <summary>Size of a chunk of logits, in bytes, above which products gain nothing.</summary>
    long MaxLogitsBytes { get; }

    /// <summary>The backend's memory.</summary>
    Allocator Memory { get; }

    /// <summary>Creates a backend of the same kind that computes nothing and hands out addresses without memory; its operations only
    /// request their scratch. The same calls on it count the memory that they need here, to the byte.</summary>
    IBackend CreateCounter();

    /// <summary>Copies host bytes into the start of a tensor.</summary>
    void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged;

    /// <summary>Copies the start of a tensor to host bytes, after all earlier work is done.</summary>
    void Read<T>(Tensor source, Span<T> destination) where T : unmanaged;

    /// <summary>Waits for all queued work. Returns at once on a backend without a queue.</summary>
    void Synchronize();

    /// <summary>Copies a weight from host memory to the backend. If both use the same memory, returns <paramref name="host"/> itself, so
    /// that weights mapped from a file are not copied. For loading only.</summary>
    Tensor Import(Tensor host, MemoryRegion region);

    /// <summary>Quantizes a weight in host memory to NF4. For loading only.</summary>
    /// <param name="host">[out, in], fp32, bf16 or fp16.</param>
    /// <param name="options">Block size and double quantization.</param>
    /// <param name="region">Receives the codes and scales.</param>
    Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region);

    /// <summary>Until the result is disposed, <see cref="IOps.ProjectForward"/> and <see cref="IOps.ProjectBackward"/> keep decoded frozen
    /// weights for later use, if decoding costs enough time. No bits depend on it. These weights must not change meanwhile; those with a
    /// <see cref="Projection.WeightGradient"/> may, and are not kept. Only one scope exists at a time: a new one frees the weights of the
    /// earlier one.</summary>
    /// <param name="maxBytes">Upper bound of <see cref="MemoryOwner.DecodedWeights"/>. Weights beyond it are decoded at every use.</param>
    IDisposable KeepDecodedWeights(long maxBytes);

    /// <summary>Number of rows, at least <paramref name="tokens"/>, of a step over prompt tokens in which no row's bits depend on how many
    /// tokens the step has. The rows beyond the tokens belong to no text.</summary>
    /// <param name="tokens">At least 1.</param>
    int PromptRows(int tokens);

    /// <summary>Number of rows of a step over prompt tokens beyond which more rows gain little speed.</summary>
    int EfficientPromptRows => 512;

    /// <summary>Number of rows, at least <paramref name="texts"/>, of a step that decodes one token of each text. A backend that captures
    /// steps needs few different numbers.</summary>
    /// <param name="texts">At least 1.</param>
    int DecodeRows(int texts);

    /// <summary>Number of texts of a decoding step up to which one more text costs little.</summary>
    int EfficientTexts { get; }

    /// <summary>Captures the calls of <paramref name="work"/>, so that they can be queued together later. Returns null if that would gain
    /// nothing. The same work must have run before. The capture itself computes nothing.</summary>
    IReplay? Capture(Action work);
}
