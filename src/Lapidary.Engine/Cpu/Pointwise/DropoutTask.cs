using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>to = from · mask / (1 − p), or to +=, over items of <see cref="ItemLength"/> elements of rows of
/// <paramref name="dim"/>.</summary>
internal unsafe struct DropoutTask(Dropout dropout, float* from, float* to, long count, int dim, bool add) : IRange
{
    private const int ItemLength = 4096;

    private readonly uint _key = Dropout.Key(dropout.Seed.AsSpan<long>()[0], dropout.Stream);
    private readonly uint _first = Dropout.Index(dropout.Seed.AsSpan<long>()[1], dim);
    private readonly uint _threshold = dropout.Threshold;
    private readonly float _scale = 1 / (1 - dropout.Probability);
    private readonly float* _from = from;
    private readonly float* _to = to;
    private readonly long _count = count;
    private readonly bool _add = add;

    /// <summary>The dropout where it does something, else null.</summary>
    public static Dropout? Active(Dropout? dropout) => dropout is { Probability: > 0 } ? dropout : null;

    /// <summary>Items of work.</summary>
    public readonly int Items => checked((int)((_count + ItemLength - 1) / ItemLength));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int start, int end, int worker)
    {
        long i = (long)start * ItemLength, last = Math.Min((long)end * ItemLength, _count);
        int lanes = Vector<float>.Count;
        for (; i <= last - lanes; i += lanes)
        {
            var index = Vector.Create(_first + (uint)i) + Vector<uint>.Indices;
            var keep = Vector.GreaterThanOrEqual(Mix(index ^ Vector.Create(_key)), Vector.Create(_threshold));
            var value = Vector.AsVectorSingle(Vector.AsVectorUInt32(Vector.Load(_from + i) * _scale) & keep);
            Vector.Store(_add ? Vector.Load(_to + i) + value : value, _to + i);
        }

        for (; i < last; i++)
        {
            float value = Dropout.Hash(_key, _first + (uint)i) >= _threshold ? _from[i] * _scale : 0;
            _to[i] = _add ? _to[i] + value : value;
        }
    }

    /// <summary>The mixer of <see cref="Dropout.Hash"/>, in lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> Mix(Vector<uint> x)
    {
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        return x ^ (x >> 16);
    }
}
