using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Products;
using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Engine.Tests.Cuda;

public class StepRowsTests
{
    /// <summary>Else no prompt alone would fill the rows of its steps.</summary>
    [Fact]
    public void PiecesOfOnePrompt_FillSteps() => Assert.Equal(0, CachedSteps.MaxPieceLength % StepRows.PromptPiece);

    [Theory]
    [InlineData(1, 512)]
    [InlineData(512, 512)]
    [InlineData(513, 1024)]
    [InlineData(2048, 2048)]
    public void StepsOverPrompts_HaveWholePieces(int tokens, int rows) => Assert.Equal(rows, StepRows.OfPrompts(tokens));

    [Fact]
    public void BytesOfARow_AreCountedBeyondInt()
    {
        var plain = new ProductKind(1, 1, int.MaxValue, TransposeA: false, TransposeB: true, DType.Float32);
        var transposed = new ProductKind(int.MaxValue, 1, 1, TransposeA: true, TransposeB: false, DType.Float32);

        Assert.Equal(2L * int.MaxValue, plain.RowBytesOfA);
        Assert.Equal(2L * int.MaxValue, transposed.RowBytesOfA);
        Assert.Equal(6L * int.MaxValue, (plain with { RowA = 3L * int.MaxValue }).RowBytesOfA);
    }
}
