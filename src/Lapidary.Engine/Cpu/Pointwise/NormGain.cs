using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>1 + w in fp32, for a norm weight of any floating type: formed once per call, so that the rows' loops need no type.</summary>
internal static unsafe class NormGain
{
    /// <summary>The gain, in scratch; left unfilled where memory is only counted.</summary>
    public static float* Of(Tensor weight, Scratch scratch, bool isCount)
    {
        float* gain = (float*)scratch.Get("norm gain", weight.Count * sizeof(float));
        if (isCount) return gain;
        for (long i = 0; i < weight.Count; i++)
        {
            gain[i] = 1f + weight.DType switch
            {
                DType.BFloat16 => BFloat16.ToSingle(weight.Pointer<ushort>()[i]),
                DType.Float16 => (float)weight.Pointer<Half>()[i],
                _ => weight.Pointer<float>()[i],
            };
        }

        return gain;
    }
}
