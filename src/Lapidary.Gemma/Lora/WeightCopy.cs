using System.Runtime.InteropServices;
using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>Copies weights between types through the host, some rows at a time.</summary>
internal static class WeightCopy
{
    private const long ChunkBytes = 16 << 20;

    /// <summary>Widens a [rows, columns] weight of any floating type into an fp32 tensor of the same shape.</summary>
    public static void ToFloat32(Tensor source, Tensor target, IBackend backend)
    {
        long columns = source.Shape[1], chunkRows = Math.Max(1, ChunkBytes / (columns * 4));
        byte[] raw = [];
        float[] values = [];
        for (long row = 0; row < source.Shape[0]; row += chunkRows)
        {
            long rows = Math.Min(chunkRows, source.Shape[0] - row);
            Tensor from = source.Rows(row, rows), to = target.Rows(row, rows);
            if (raw.Length != from.LengthBytes) (raw, values) = (new byte[from.LengthBytes], new float[from.Count]);
            backend.Read<byte>(from, raw);
            FloatConversion.ToSingle(raw, from.DType, values);
            backend.Write<float>(values, to);
        }
    }
}
