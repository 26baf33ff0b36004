using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void ArgMax(Tensor x, Tensor indices)
    {
        if (OnlyCounts) return;
        var (rows, dim) = Rows(x);
        for (int row = 0; row < rows; row++)
        {
            float* values = x.Pointer<float>() + (long)row * dim;
            float largest = Largest(values, dim);
            int best = float.IsFinite(largest) ? 0 : -1;
            for (; best >= 0 && values[best] != largest; best++)
            {
            }

            indices.Pointer<int>()[row] = best;
        }
    }

    /// <summary>The largest element; NaN if any element is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* values, int dim)
    {
        float largest = float.NegativeInfinity;
        int i = 0;
        if (dim >= Vector<float>.Count)
        {
            var most = new Vector<float>(largest);
            for (; i <= dim - Vector<float>.Count; i += Vector<float>.Count) most = Vector.Max(most, Vector.Load(values + i));
            for (int lane = 0; lane < Vector<float>.Count; lane++) largest = MathF.Max(largest, most[lane]);
        }

        for (; i < dim; i++) largest = MathF.Max(largest, values[i]);
        return largest;
    }
}
