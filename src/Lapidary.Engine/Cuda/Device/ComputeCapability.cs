namespace Lapidary.Engine;

/// <summary>The capability of a device's multiprocessors: 7.5 for T4 and RTX 20, 8.0 for A100, 8.9 for L4 and RTX 40, 9.0 for
/// H100.</summary>
public readonly record struct ComputeCapability(int Major, int Minor) : IComparable<ComputeCapability>
{
    /// <summary>The oldest one supported: of Turing, whose tensor cores multiply fp16 in the tiles that the kernels need.</summary>
    public static ComputeCapability Minimum => new(7, 5);

    /// <summary>The oldest one whose tensor cores multiply bf16: of Ampere.</summary>
    public static ComputeCapability MinimumOfBFloat16 => new(8, 0);

    /// <summary>As in sm_90: ten times the major plus the minor number.</summary>
    public int Number => Major * 10 + Minor;

    /// <inheritdoc/>
    public int CompareTo(ComputeCapability other) => Number.CompareTo(other.Number);

    /// <inheritdoc/>
    public override string ToString() => $"{Major}.{Minor}";

    /// <summary>Whether the first is the older.</summary>
    public static bool operator <(ComputeCapability left, ComputeCapability right) => left.Number < right.Number;

    /// <summary>Whether the first is the newer.</summary>
    public static bool operator >(ComputeCapability left, ComputeCapability right) => left.Number > right.Number;

    /// <summary>Whether the first is not the newer.</summary>
    public static bool operator <=(ComputeCapability left, ComputeCapability right) => left.Number <= right.Number;

    /// <summary>Whether the first is not the older.</summary>
    public static bool operator >=(ComputeCapability left, ComputeCapability right) => left.Number >= right.Number;
}
