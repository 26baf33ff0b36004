using Lapidary.Engine.Tests.Reference;
using Lapidary.Engine.Tests.Sampling;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceDrawTests
{
    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    /// <summary>Rows of all kinds beside each other, some of which draw nothing: what is decided is what the host draws from the row
    /// alone.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Draw_IsTheHostsOfEachRow(string device)
    {
        using var run = DeviceRun.On(device);
        var drawer = new TokenDrawer();
        foreach (int dim in new[] { 1, 5, 1023, 4096, 33_001, 50_000 })
        {
            foreach (int rows in new[] { 1, 7, 70 })
            {
                var random = new Random(dim + rows);
                float[][] logits = [.. Enumerable.Range(0, rows)
                    .Select(row => DrawCases.Row(random, dim, DrawCases.Kinds[row % DrawCases.Kinds.Count]))];
                TokenDraw[] draws = [.. Enumerable.Range(0, rows)
                    .Select(row => row % 9 == 8 ? TokenDraw.None : DrawCases.Draw(random).Draw)];
                int[] found = Draw(run, logits, draws), again = Draw(run, logits, draws);
                Assert.Equal(found, again);
                for (int row = 0; row < rows; row++)
                {
                    if (found[row] == TokenDraw.Undecided && run.Backend is CudaBackend) continue;
                    float largest = logits[row].Max();
                    int expected = draws[row].Draws ? drawer.Draw(logits[row], largest, draws[row]) : Array.IndexOf(logits[row], largest);
                    Assert.True(expected == found[row], $"Row {row} of {rows} × {dim}: expected {expected}, found {found[row]}.");
                }
            }
        }
    }

    /// <summary>A device decides rows like a model's, whatever is asked for.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Draw_OfAVocabulary_IsDecided(string device)
    {
        const int Vocabulary = 262_144;
        using var run = DeviceRun.On(device);
        var random = new Random(3);
        var drawer = new TokenDrawer();
        foreach (var kind in new[] { DrawCases.Kinds[0], DrawCases.Kinds[1], DrawCases.Kinds[2], DrawCases.Kinds[5] })
        {
            float[] row = DrawCases.Row(random, Vocabulary, kind);
            TokenDraw[] draws =
            [
                new(1, 0, 1, 0, random.NextDouble()), new(1, 64, 0.95f, 0, random.NextDouble()), new(1, 0, 0.9f, 0, random.NextDouble()),
                new(1, 0, 1, 0.1f, random.NextDouble()), new(0.7f, 0, 0.9f, 0.01f, random.NextDouble()),
                new(1.3f, 40, 1, 0.05f, random.NextDouble()),
            ];
            int[] expected = [.. draws.Select(draw => drawer.Draw(row, row.Max(), draw))];
            Assert.Equal(expected, Draw(run, [.. draws.Select(_ => row)], draws));
            Assert.Equal(expected[^1..], Draw(run, [row], draws[^1..]));
        }
    }

    /// <summary>And the fp64 sums of a sorted row.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Draw_IsThatOfASortedRow(string device)
    {
        const int Dim = 5003, Rows = 200;
        using var run = DeviceRun.On(device);
        var random = new Random(8);
        float[][] logits = [.. Enumerable.Range(0, Rows).Select(_ => DrawCases.Row(random, Dim, DrawCases.Kinds[2]))];
        DrawReference[] draws = [.. Enumerable.Range(0, Rows).Select(_ => DrawCases.Draw(random) with { Temperature = 1 })];
        int[] found = Draw(run, logits, [.. draws.Select(draw => draw.Draw)]);
        for (int row = 0; row < Rows; row++)
        {
            var (expected, margin) = draws[row].Of(logits[row]);
            if (found[row] == TokenDraw.Undecided && run.Backend is CudaBackend) continue; // more candidates than it sorts
            if (margin > 2e-7) Assert.True(expected == found[row], $"Row {row}, {draws[row]}: expected {expected}, found {found[row]}.");
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Draw_LeavesRowsWithoutAnIndex_AndRowsWithMinusInfinityToTheHost(string device)
    {
        using var run = DeviceRun.On(device);
        var draw = new TokenDraw(1, 0, 1, 0, 0.5);
        float[][] logits = [[0, float.NaN, 2], [0, float.NegativeInfinity, -90], [1, 2, 3], [0, 0, 90]];
        Assert.Equal([-1, TokenDraw.Undecided, 2, 2], Draw(run, logits, [draw, draw, TokenDraw.None, draw]));
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void EditLogits_ChangesTheNamedElements_AndNoOther(string device)
    {
        const int Rows = 5, Dim = 1001, MostEdits = 700;
        using var run = DeviceRun.On(device);
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Inputs);
        var edits = region.New("edits", DType.UInt8, 1 + MostEdits, LogitEdit.LengthBytes);
        var random = new Random(2);
        foreach (int count in new[] { MostEdits, 0, 1, 257 })
        {
            float[] values = DrawCases.Row(random, Rows * Dim, DrawCases.Kinds[0]);
            int[] places = [.. Enumerable.Range(0, Rows * Dim)];
            random.Shuffle(places);
            LogitEdit[] some = [.. places[..count].Select((place, i) => new LogitEdit(place / Dim, place % Dim, i % 3 * 0.7f))];
            var x = run.Floats(values).Reshape(Rows, Dim);
            run.Backend.Write<LogitEdit>([LogitEdit.Header(count), .. some], edits);
            run.Backend.EditLogits(x, edits);
            foreach (var edit in some)
            {
                ref float logit = ref values[edit.Row * Dim + edit.Id];
                logit = edit.Penalty == 0 ? -float.MaxValue : logit < 0 ? logit * edit.Penalty : logit / edit.Penalty;
            }

            float[] found = new float[values.Length];
            run.Backend.Read<float>(x, found);
            Assert.Equal(values, found);
        }
    }

    private static int[] Draw(DeviceRun run, float[][] logits, TokenDraw[] draws)
    {
        int rows = logits.Length, dim = logits[0].Length;
        int[] indices = new int[rows];
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Inputs);
        Tensor x = region.New("x", DType.Float32, rows, dim), result = region.New("indices", DType.Int32, rows);
        var options = region.New("draws", DType.UInt8, rows, TokenDraw.LengthBytes);
        run.Backend.Write<float>([.. logits.SelectMany(row => row)], x);
        run.Backend.Write<TokenDraw>(draws, options);
        run.Backend.ArgMax(x, result);
        run.Backend.Draw(x, options, result);
        run.Backend.Read<int>(result, indices);
        return indices;
    }
}
