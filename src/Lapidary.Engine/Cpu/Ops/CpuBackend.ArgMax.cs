using System.Runtime.CompilerServices;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ArgMax(Tensor x, Tensor indices)
    {
        var (rows, dim) = Rows(x);
        for (int row = 0; row < rows; row++)
        {
            float* values = x.Pointer<float>() + (long)row * dim;
            int best = 0;
            float largest = float.NegativeInfinity;
            for (int i = 0; i < dim; i++)
            {
                if (values[i] > largest) (best, largest) = (i, values[i]);
            }

            indices.Pointer<int>()[row] = best;
        }
    }
}
