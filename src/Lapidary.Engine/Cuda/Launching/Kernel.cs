namespace Lapidary.Engine.Cuda.Launching;

/// <summary>A function of an embedded .cu file. The operation that launches it declares it as a field; the first launch binds it to the
/// device.</summary>
/// <param name="file">The file, such as rms_norm.cu.</param>
/// <param name="name">The name of an <c>extern "C" __global__ void</c> function in it, which takes one struct by value.</param>
internal sealed class Kernel(string file, string name)
{
    /// <summary>Dynamic shared memory that a block may use on every device without a request: 48 KiB less the static part.</summary>
    public const int DefaultSharedBytes = 24 << 10;

    /// <summary>File name.</summary>
    public string File { get; } = file;

    /// <summary>Function name.</summary>
    public string Name { get; } = name;

    /// <summary>CUfunction, 0 until the first launch.</summary>
    public nint Function { get; set; }

    /// <summary>Dynamic shared memory that a block may use, as requested so far.</summary>
    public int MaxSharedBytes { get; set; } = DefaultSharedBytes;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} of {File}";
}
