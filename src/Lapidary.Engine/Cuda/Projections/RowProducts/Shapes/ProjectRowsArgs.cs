using System.Numerics;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

/// <summary>As project_rows.cuh has it.</summary>
internal unsafe struct ProjectRowsArgs
{
    private const int MaxWeights = AugmentedLayout.MaxProjections;

    public nint X;
    public fixed long Weight[MaxWeights];
    public fixed long Y[MaxWeights];
    public fixed long Absmax[MaxWeights];
    public fixed long NestedAbsmax[MaxWeights];
    public fixed long NestedCode[MaxWeights];
    public fixed float Offset[MaxWeights];
    public fixed int BlockShift[MaxWeights];
    public fixed int OutDim[MaxWeights];
    public fixed int TileEnd[MaxWeights];
    public fixed int YType[MaxWeights];
    public fixed int Pitch[MaxWeights];
    public int Rows, Dim, WeightType, Steps, PartSteps, Parts, BundleParts, Bundles, WarpParts, SumRows, Stages;
    public nint Partial, Arrivals;
    public ArrangedCopy Copy;
    public nint Largest;

    public ProjectRowsArgs(Tensor x, RowShape shape)
    {
        X = x.Address;
        (Rows, Dim) = Rows(x);
        (Steps, PartSteps, Parts) = (shape.Steps, shape.PartSteps, shape.Parts);
        (BundleParts, Bundles) = (RowShape.BundleParts, shape.Bundles);
    }

    /// <summary>Sets a weight and its output.</summary>
    public void Set(int i, Tensor weight, Tensor y)
    {
        Weight[i] = weight.Address;
        WeightType = (int)weight.DType;
        SetOutput(i, y);
        if (weight.Scales is not { } scales) return;
        Absmax[i] = scales.Absmax.Address;
        NestedAbsmax[i] = scales.NestedAbsmax?.Address ?? 0;
        NestedCode[i] = scales.NestedCode?.Address ?? 0;
        Offset[i] = scales.Offset;
        BlockShift[i] = BitOperations.Log2((uint)scales.BlockSize);
    }

    /// <summary>Sets a weight's rows in the type of activations, and its output.</summary>
    public void Set(int i, DecodedRows weight, Tensor y)
    {
        Weight[i] = weight.Address;
        Pitch[i] = weight.Pitch;
        SetOutput(i, y);
    }

    /// <summary>Sets where a weight's tiles end, and returns it.</summary>
    /// <param name="i">Index of the weight.</param>
    /// <param name="tileRows">Rows of a tile.</param>
    /// <param name="tiles">Tiles of the weights before it.</param>
    public int EndTiles(int i, int tileRows, int tiles) => TileEnd[i] = tiles + Tiles(OutDim[i], tileRows);

    /// <summary>Sets where the tiles of weights end that are not there.</summary>
    public void EndTiles(int tiles)
    {
        for (int i = 0; i < MaxWeights; i++)
        {
            if (TileEnd[i] == 0) TileEnd[i] = tiles;
        }
    }

    private void SetOutput(int i, Tensor y)
    {
        Y[i] = y.Address;
        OutDim[i] = Rows(y).Dim;
        YType[i] = (int)y.DType;
    }
}
