using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Formats;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y)
    {
        int hidden = checked((int)table.Shape[1]);
        CheckIds(ids, table);
        _team.Run(ids.Count, WorkerTeam.RowGrain(hidden), new EmbeddingKernel
        {
            Ids = ids.Pointer<int>(),
            Table = (byte*)table.Address,
            Type = table.DType,
            Y = y.Pointer<float>(),
            Hidden = hidden,
            Scale = scale,
        });
    }

    /// <inheritdoc/>
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable)
    {
        int hidden = checked((int)dTable.Shape[1]);
        CheckIds(ids, dTable);
        int slices = (hidden + EmbeddingBackwardKernel.SliceLength - 1) / EmbeddingBackwardKernel.SliceLength;
        _team.Run(slices, grain: 1, new EmbeddingBackwardKernel
        {
            Ids = ids.Pointer<int>(),
            Dy = dy.Pointer<float>(),
            DTable = dTable.Pointer<float>(),
            Tokens = checked((int)ids.Count),
            Hidden = hidden,
            Scale = scale,
        });
    }

    private void CheckIds(Tensor ids, Tensor table)
    {
        if (OnlyCounts) return;
        foreach (int id in ids.AsSpan<int>())
        {
            if ((uint)id >= (ulong)table.Shape[0])
            {
                throw new LapidaryException(
                    $"Embedding: token id {id} is outside the vocabulary of {table.Shape[0]} entries of {table}. "
                    + "Use the tokenizer of this model.");
            }
        }
    }
}
