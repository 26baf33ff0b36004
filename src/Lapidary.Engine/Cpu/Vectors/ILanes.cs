namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>A register of fp32 lanes. Kernels are written once over this interface and compiled for each width: <see cref="Lanes512"/>,
/// <see cref="Lanes256"/>, <see cref="Lanes128"/>, and <see cref="Lane1"/> for the tail of a loop. An element-wise result has the same bits
/// at every width; a sum depends on the width, never on the number of threads.</summary>
/// <typeparam name="V">The implementing type.</typeparam>
internal unsafe interface ILanes<V> where V : struct, ILanes<V>
{
    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    /// <summary>The same value in every lane.</summary>
    static abstract V Broadcast(float value);

    /// <summary>Loads consecutive values; alignment is not required.</summary>
    static abstract V Load(float* source);

    /// <summary>Loads bfloat16 values, widened exactly.</summary>
    static abstract V LoadBFloat16(ushort* source);

    /// <summary>Loads binary16 values, widened exactly.</summary>
    static abstract V LoadFloat16(ushort* source);

    /// <summary>Stores the lanes; alignment is not required.</summary>
    void Store(float* destination);

    /// <summary>Lane-wise sum.</summary>
    static abstract V operator +(V a, V b);

    /// <summary>Lane-wise difference.</summary>
    static abstract V operator -(V a, V b);

    /// <summary>Lane-wise product.</summary>
    static abstract V operator *(V a, V b);

    /// <summary>Lane-wise quotient.</summary>
    static abstract V operator /(V a, V b);

    /// <summary>a · b + c, rounded once where the machine has FMA, else twice.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>Correctly rounded square root.</summary>
    static abstract V Sqrt(V a);

    /// <summary>The larger of two lanes; NaN if either is.</summary>
    static abstract V Max(V a, V b);

    /// <summary>Nearest integer, ties to even.</summary>
    static abstract V Round(V a);

    /// <summary>2ⁿ for integral n in [−126, 127]; undefined elsewhere.</summary>
    static abstract V PowerOfTwo(V n);

    /// <summary>a &lt; b ? then : otherwise, per lane; a NaN takes <paramref name="otherwise"/>.</summary>
    static abstract V WhereLess(V a, V b, V then, V otherwise);

    /// <summary>Sum over the lanes.</summary>
    float Sum();

    /// <summary>Stores the sums over the lanes of four registers, each added in the same order.</summary>
    static abstract void StoreSums(V a, V b, V c, V d, float* destination);

    /// <summary>Largest lane; NaN if any is.</summary>
    float Max();
}
