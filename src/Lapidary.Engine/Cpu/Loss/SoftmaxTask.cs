using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Loss;

/// <summary>Loss, hit and the gradient of the logits, row by row and in place.</summary>
internal unsafe struct SoftmaxTask : IRange
{
    /// <summary>Terms that are summed in fp32 before they go into an fp64 sum.</summary>
    private const int SumLength = 1024;

    /// <summary>[rows, Vocabulary]: logits, then (softmax − onehot) · Scale.</summary>
    public float* Z;

    /// <summary>Length of a row.</summary>
    public int Vocabulary;

    /// <summary>Token of each row.</summary>
    public int* Rows;

    /// <summary>Label of each token.</summary>
    public int* Labels;

    /// <summary>Factor of the gradient.</summary>
    public float Scale;

    /// <summary>Loss of each token.</summary>
    public float* Losses;

    /// <summary>Hit of each token.</summary>
    public float* Hits;

    /// <inheritdoc/>
    public readonly void Run(int start, int end, int worker)
    {
        for (int row = start; row < end; row++)
        {
            float* z = Z + (long)row * Vocabulary;
            int token = Rows[row], label = Labels[token];
            float largest = Largest(z, Vocabulary), target = z[label];
            double sum = Exponentials(z, Vocabulary, largest);
            Losses[token] = (float)(Math.Log(sum) + largest - target);
            Hits[token] = target >= largest ? 1 : 0;
            Multiply(z, Vocabulary, (float)(Scale / sum));
            z[label] -= Scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* z, int count)
    {
        int i = 0;
        var max = Vector.Create(float.NegativeInfinity);
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count) max = Vector.Max(max, Vector.Load(z + i));
        float largest = float.NegativeInfinity;
        for (int lane = 0; lane < Vector<float>.Count; lane++) largest = Math.Max(largest, max[lane]);
        for (; i < count; i++) largest = Math.Max(largest, z[i]);
        return largest;
    }

    /// <summary>z = exp(z − largest); returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Exponentials(float* z, int count, float largest)
    {
        double total = 0;
        int i = 0;
        while (i <= count - Vector<float>.Count)
        {
            var sum = Vector<float>.Zero;
            for (int last = Math.Min(count, i + SumLength) - Vector<float>.Count; i <= last; i += Vector<float>.Count)
            {
                var e = VectorMath.Exp(Vector.Load(z + i) - Vector.Create(largest));
                Vector.Store(e, z + i);
                sum += e;
            }

            total += Vector.Sum(sum);
        }

        for (; i < count; i++) total += z[i] = MathF.Exp(z[i] - largest);
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(float* z, int count, float factor)
    {
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count) Vector.Store(Vector.Load(z + i) * factor, z + i);
        for (; i < count; i++) z[i] *= factor;
    }
}
