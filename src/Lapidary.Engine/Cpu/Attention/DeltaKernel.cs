using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>D = Σ dO · O per token and head.</summary>
internal unsafe struct DeltaKernel : IKernel
{
    public AttentionGradients Of;
    public float* O;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        int headDim = Of.In.HeadDim, heads = Of.In.Heads;
        for (nint row = start; row < end; row++)
        {
            var terms = new DotTerms { X = Of.DO + row * headDim, Y = O + row * headDim };
            Of.Delta[row % heads * Of.In.Tokens + row / heads] = Traverse.Sum<V, DotTerms>(headDim, terms);
        }
    }
}
