using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    private TokenDrawer[] _drawers = [];

    /// <inheritdoc/>
    /// <remarks>Decides every row but those with a logit of −∞.</remarks>
    public void Draw(Tensor x, Tensor draws, Tensor indices)
    {
        if (OnlyCounts) return;
        if (_drawers.Length == 0) _drawers = [.. Enumerable.Range(0, _team.Count).Select(_ => new TokenDrawer())];
        var (rows, dim) = Rows(x);
        var range = new DrawRange
        {
            X = x.Pointer<float>(),
            Draws = draws.Pointer<TokenDraw>(),
            Indices = indices.Pointer<int>(),
            Dim = dim,
            Drawers = _drawers,
        };
        _team.For(rows, grain: 1, ref range);
    }

    private struct DrawRange : IRange
    {
        public float* X;
        public TokenDraw* Draws;
        public int* Indices;
        public int Dim;
        public TokenDrawer[] Drawers;

        public readonly void Run(int start, int end, int worker)
        {
            for (int row = start; row < end; row++)
            {
                if (!Draws[row].Draws || Indices[row] < 0) continue;
                var logits = new ReadOnlySpan<float>(X + (long)row * Dim, Dim);
                Indices[row] = logits.Contains(float.NegativeInfinity)
                    ? TokenDraw.Undecided
                    : Drawers[worker].Draw(logits, logits[Indices[row]], Draws[row]);
            }
        }
    }
}
