using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>fp32 elements in their order.</summary>
internal unsafe struct Float32Group<V> : IWeightGroup<Float32Group<V>, V> where V : struct, ILanes<V>
{
    private float* _first;

    public static Float32Group<V> Create() => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(void* weight, nint element)
    {
        _first = (float*)weight + element;
        Prefetching.Ahead(_first, 8 * V.Count * sizeof(float));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At(int j) => V.Load(_first + j * V.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Scale(in Nf4Blocks blocks, nint element) => V.Broadcast(1);
}

/// <summary>bf16 elements in their order.</summary>
internal unsafe struct BFloat16Group<V> : IWeightGroup<BFloat16Group<V>, V> where V : struct, ILanes<V>
{
    private ushort* _first;

    public static BFloat16Group<V> Create() => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(void* weight, nint element)
    {
        _first = (ushort*)weight + element;
        Prefetching.Ahead(_first, 8 * V.Count * sizeof(ushort));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At(int j) => V.LoadBFloat16(_first + j * V.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Scale(in Nf4Blocks blocks, nint element) => V.Broadcast(1);
}

/// <summary>fp16 elements in their order.</summary>
internal unsafe struct Float16Group<V> : IWeightGroup<Float16Group<V>, V> where V : struct, ILanes<V>
{
    private ushort* _first;

    public static Float16Group<V> Create() => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(void* weight, nint element)
    {
        _first = (ushort*)weight + element;
        Prefetching.Ahead(_first, 8 * V.Count * sizeof(ushort));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At(int j) => V.LoadFloat16(_first + j * V.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Scale(in Nf4Blocks blocks, nint element) => V.Broadcast(1);
}
