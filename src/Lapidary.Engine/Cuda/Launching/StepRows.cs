using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Launching;

/// <summary>The numbers of rows that steps over a cache have.</summary>
internal static class StepRows
{
    /// <summary>Every step over prompts has this number of rows, or a multiple where there are more tokens. cuBLASLt's algorithm, and with
    /// it a row's bits, depend on the number of rows, so all multiples use the algorithm of this one.</summary>
    public const int PromptPiece = 512;

    /// <summary>Steps that decode are captured once for each number of rows: a few small ones, then multiples of this.</summary>
    private const int ManyTexts = 64;

    private static readonly int[] FewTexts = [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128];

    /// <inheritdoc cref="IBackend.PromptRows"/>
    public static int OfPrompts(int tokens) => Tiles(tokens, PromptPiece) * PromptPiece;

    /// <inheritdoc cref="IBackend.DecodeRows"/>
    public static int OfTexts(int texts)
    {
        foreach (int rows in FewTexts)
        {
            if (texts <= rows) return rows;
        }

        return Tiles(texts, ManyTexts) * ManyTexts;
    }
}
