using Lapidary.Engine.Sampling;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void ArgMax(Tensor x, Tensor indices)
    {
        if (OnlyCounts) return;
        var (rows, dim) = Rows(x);
        for (int row = 0; row < rows; row++)
        {
            float* values = x.Pointer<float>() + (long)row * dim;
            float largest = DrawPasses.Largest(values, dim);
            int best = float.IsFinite(largest) ? 0 : -1;
            for (; best >= 0 && values[best] != largest; best++)
            {
            }

            indices.Pointer<int>()[row] = best;
        }
    }

    /// <inheritdoc/>
    public void EditLogits(Tensor x, Tensor edits)
    {
        if (OnlyCounts) return;
        var first = edits.Pointer<LogitEdit>();
        foreach (var edit in new ReadOnlySpan<LogitEdit>(first + 1, first->Row))
        {
            float* logit = x.Pointer<float>() + (long)edit.Row * Rows(x).Dim + edit.Id;
            *logit = edit.Of(*logit);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Decides every row but those with a logit of −∞.</remarks>
    public void Draw(Tensor x, Tensor draws, Tensor indices)
    {
        var (rows, dim) = Rows(x);
        var range = new DrawRange
        {
            X = x.Pointer<float>(),
            Draws = draws.Pointer<TokenDraw>(),
            Indices = indices.Pointer<int>(),
            Dim = dim,
        };
        _team.For(rows, grain: 1, ref range);
    }
}
