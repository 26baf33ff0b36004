using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine.Sampling;

/// <summary>Draws from rows, each by one thread.</summary>
internal unsafe struct DrawRange : IRange
{
    [ThreadStatic]
    private static TokenDrawer? t_drawer;

    public float* X;
    public TokenDraw* Draws;
    public int* Indices;
    public int Dim;

    public readonly void Run(int start, int end, int worker)
    {
        t_drawer ??= new TokenDrawer();
        for (int row = start; row < end; row++)
        {
            if (!Draws[row].Draws || Indices[row] < 0) continue;
            var logits = new ReadOnlySpan<float>(X + (long)row * Dim, Dim);
            Indices[row] = logits.Contains(float.NegativeInfinity)
                ? TokenDraw.Undecided
                : t_drawer.Draw(logits, logits[Indices[row]], Draws[row]);
        }
    }
}
