using System.Diagnostics.CodeAnalysis;

namespace Lapidary.Engine;

/// <summary>A dense row-major array in the memory of a backend. It refers to memory but does not own it: parameters belong to the model's
/// <see cref="MemoryRegion"/>, activations to a <see cref="StepProgram"/>'s arena, mapped weights to their file. No finalizer.</summary>
public sealed class Tensor
{
    private readonly long[] _shape;
    private readonly Tensor? _root;
    private readonly long _offsetBytes;
    private nint _address;

    /// <summary>Describes an array that has no memory yet.</summary>
    /// <param name="dtype">Element type.</param>
    /// <param name="shape">Sizes, outermost first; all positive.</param>
    public Tensor(DType dtype, params ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            if (size <= 0) throw new ArgumentOutOfRangeException(nameof(shape), $"Tensor sizes must be positive, got {size}.");
            count = checked(count * size);
        }

        DType = dtype;
        _shape = shape.ToArray();
        Count = count;
    }

    /// <summary>Describes an array over memory that already exists, such as a mapped file; <paramref name="address"/> must stay
    /// valid.</summary>
    public Tensor(nint address, DType dtype, params ReadOnlySpan<long> shape) : this(dtype, shape) => _address = address;

    private Tensor(Tensor root, long offsetBytes, ReadOnlySpan<long> shape) : this(root.DType, shape) =>
        (_root, _offsetBytes) = (root, offsetBytes);

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Sizes, outermost first.</summary>
    public ReadOnlySpan<long> Shape => _shape;

    /// <summary>Number of elements; long because a 262,144-entry vocabulary × 8,192 tokens is one more than int holds.</summary>
    public long Count { get; }

    /// <summary>Bytes of the elements (for NF4, of the codes without their scales).</summary>
    public long LengthBytes => DType.LengthBytes(Count);

    /// <summary>Name in messages and memory reports; Hugging Face's name for a tensor from a checkpoint.</summary>
    public string Name { get; init; } = "";

    /// <summary>The scales of an NF4 tensor; null for other types.</summary>
    public Nf4Scales? Scales { get; init; }

    /// <summary>Address of the first element in the backend's memory.</summary>
    /// <exception cref="InvalidOperationException">The tensor has no memory yet.</exception>
    public nint Address => Root._address is not 0 and var address
        ? address + (nint)_offsetBytes
        : throw new InvalidOperationException($"Tensor {this} has no memory yet.");

    /// <summary>The tensor that has the memory: this one, unless it is a view.</summary>
    internal Tensor Root => _root ?? this;

    /// <summary>Gives the tensor its memory.</summary>
    internal void Place(nint address) => _address = address;

    /// <summary>The same elements under another shape.</summary>
    public Tensor Reshape(params ReadOnlySpan<long> shape) => Reshape(Name, shape);

    /// <summary>The same elements under another shape and name.</summary>
    internal Tensor Reshape(string name, ReadOnlySpan<long> shape)
    {
        var view = new Tensor(Root, _offsetBytes, shape) { Name = name };
        return view.Count == Count ? view : throw new ShapeException(nameof(Reshape), nameof(shape), $"{Count} elements", view);
    }

    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="rows"/> of the outermost axis, sharing
    /// memory.</summary>
    public Tensor Rows(long first, long rows)
    {
        if (first < 0 || rows <= 0 || first + rows > _shape[0]) throw new ArgumentOutOfRangeException(nameof(first));
        long rowBytes = LengthBytes / _shape[0];
        return new Tensor(Root, _offsetBytes + first * rowBytes, [rows, .. _shape.AsSpan(1)]) { Name = Name };
    }

    /// <summary>The shape as a matrix: all axes but the last folded into rows.</summary>
    public (long Rows, int Dim) AsRows() => (Count / _shape[^1], checked((int)_shape[^1]));

    /// <summary>The elements, for tensors in host memory of at most 2³¹ − 1 elements.</summary>
    public unsafe Span<T> AsSpan<T>() where T : unmanaged
    {
        if (sizeof(T) != DType.LengthBytes(2) / 2) throw new InvalidOperationException($"Tensor {this} does not hold {typeof(T).Name}.");
        return new Span<T>((void*)Address, checked((int)Count));
    }

    /// <summary>The raw bytes, for tensors in host memory of less than 2 GiB.</summary>
    public unsafe Span<byte> AsBytes() => new((void*)Address, checked((int)LengthBytes));

    /// <summary>A typed pointer to the first element, for kernels.</summary>
    internal unsafe T* Pointer<T>() where T : unmanaged => (T*)Address;

    /// <inheritdoc/>
    [ExcludeFromCodeCoverage]
    public override string ToString() => $"{(Name.Length > 0 ? Name + " " : "")}{DType}[{string.Join(", ", _shape)}]";
}
