using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>target += source.</summary>
internal unsafe struct AddOp : IElementwise
{
    public float* Source, Target;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V> => (V.Load(Target + i) + V.Load(Source + i)).Store(Target + i);
}
