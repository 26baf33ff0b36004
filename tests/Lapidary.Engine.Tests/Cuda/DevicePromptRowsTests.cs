using Lapidary.Engine.Memory;
using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Products of a step over prompts: a row has the same bits in steps of all numbers of rows.</summary>
[Collection(nameof(DeviceRun))]
public class DevicePromptRowsTests
{
    /// <summary>In, outs and the adapters' ranks. The long sums of few columns are those that cuBLASLt cuts in parts.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [1152, new[] { 1024, 256, 256 }, new[] { 16, 8, 16 }],
        [1152, new[] { 3456, 3456 }, new[] { 0, 0 }],
        [6912, new[] { 1152 }, new[] { 16 }],
        [10240, new[] { 256 }, new[] { 0 }],
        [100, new[] { 130, 40 }, new[] { 5, 0 }]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ARow_HasTheSameBitsAmongMoreRows(string device, int dim, int[] outDims, int[] ranks)
    {
        using var run = DeviceRun.On(device);
        int piece = run.Backend.PromptRows(48), most = 4 * piece;
        foreach (var kind in new[] { WeightKind.NestedNF4, WeightKind.BFloat16 })
        {
            using var host = new MemoryRegion(new HostAllocator(), MemoryOwner.Base);
            Projection[] layers = [.. outDims.Select((outDim, i) => DeviceProjectRowsTests.Layer(
                run, run.Import(RandomBits.Weight(kind, outDim, dim, i, host)), ranks[i]))];
            var x = run.Import(RandomBits.Matrix(run.Backend.ActivationDType, most, dim, 9, host));
            double[][][] alone = [.. Enumerable.Range(0, most / piece).Select(i => Project(i * piece, piece))];
            foreach (int pieces in new[] { 2, 3, 4 })
            {
                double[][] found = Project(most - (pieces * piece), pieces * piece);
                for (int i = 0; i < outDims.Length; i++)
                {
                    double[] expected = [.. alone.TakeLast(pieces).SelectMany(ys => ys[i])];
                    bool isSame = expected.AsSpan().SequenceEqual(found[i]);
                    Assert.True(isSame, $"{kind}: {pieces} × {piece} rows differ in {outDims[i]} × {dim}");
                }
            }

            double[][] Project(int first, int rows)
            {
                Tensor[] ys = [.. outDims.Select(outDim => run.New(rows, outDim))];
                Tensor?[] xas = [.. ranks.Select(r => r == 0 ? null : run.New(rows, r))];
                run.Backend.ProjectForward(x.Rows(first, rows), layers, xas, ys, isPrompt: true);
                return [.. ys.Select(run.Doubles)];
            }
        }
    }
}
