using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Add(Tensor source, Tensor target) =>
        Each(target.Count, new AddOp { Source = source.Pointer<float>(), Target = target.Pointer<float>() });

    private struct AddOp : IElementwise
    {
        public float* Source, Target;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V> => (V.Load(Target + i) + V.Load(Source + i)).Store(Target + i);
    }
}
