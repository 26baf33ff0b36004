namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceArgMaxTests
{
    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    /// <summary>r, in, out. The last two are left to the general product: r and in that are no multiples of 4.</summary>
    public static IEnumerable<object[]> Adapters =>
        DeviceRun.Each(
            [4, 64, 1], [8, 100, 3], [16, 1152, 256], [16, 6912, 130], [64, 640, 1000], [256, 132, 129], [6, 96, 40], [16, 98, 40]);

    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_IsTheFirstOfTheLargest(string device)
    {
        using var run = DeviceRun.On(device);
        foreach (int dim in new[] { 1, 2, 5, 31, 32, 1023, 4097, 5000, 262144 })
        {
            const int Rows = 3;
            var random = new Random(dim);
            float[] values = [.. Enumerable.Range(0, Rows * dim).Select(_ => (float)random.Next(-5, 6))]; // many ties
            Assert.Equal(values.Chunk(dim).Select(row => Array.IndexOf(row, row.Max())), ArgMax(run, values, Rows));
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_FindsEveryPlace(string device)
    {
        const int Dim = 1100;
        using var run = DeviceRun.On(device);
        float[] identity = new float[Dim * Dim];
        for (int i = 0; i < Dim; i++) identity[i * Dim + i] = 1e-30f;
        Assert.Equal(Enumerable.Range(0, Dim), ArgMax(run, identity, Dim));
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_IsMinusOne_WhereARowHoldsNaN_OrItsLargestIsNotFinite(string device)
    {
        using var run = DeviceRun.On(device);
        const float NaN = float.NaN, Most = float.PositiveInfinity, Least = float.NegativeInfinity;
        float[] values = [NaN, -3, 5, 1, 2, NaN, NaN, NaN, NaN, Least, Least, Least, 1, Most, 7, 4, Least, 5];
        Assert.Equal([-1, -1, -1, -1, -1, 2], ArgMax(run, values, rows: 6));
        foreach (int dim in new[] { 7, 64, 4097, 5000 })
        {
            foreach (int place in new[] { 0, 1, dim / 2, dim - 1 })
            {
                float[] row = [.. Enumerable.Range(0, dim).Select(i => (float)-i)];
                row[place] = NaN;
                Assert.Equal([-1], ArgMax(run, row, rows: 1));
            }
        }
    }

    /// <summary>One number of rows after another: rows take turns with the same places for what their blocks find.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_OfAnyNumberOfRows_OneAfterAnother(string device)
    {
        const int Dim = 20_000;
        using var run = DeviceRun.On(device);
        var random = new Random(5);
        foreach (int rows in new[] { 1, 64, 3, 600, 1, 1200, 200 })
        {
            float[] values = new float[rows * Dim];
            int[] places = [.. Enumerable.Range(0, rows).Select(_ => random.Next(Dim))];
            for (int row = 0; row < rows; row++) values[row * Dim + places[row]] = values[row * Dim + Dim - 1] = 2;
            Assert.Equal(places, ArgMax(run, values, rows));
        }
    }

    /// <summary>Right after a product, which may have found the largest of neighbours itself, and after other work.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_OfAProduct_IsTheFirstOfTheLargest(string device)
    {
        const int Dim = 64;
        using var run = DeviceRun.On(device);
        var random = new Random(9);
        var type = run.Backend.ActivationDType;
        foreach (int outDim in new[] { 8224, 8200, 12_301 })
        {
            // Small integers, so that many outputs are equal.
            double[] weights = [.. Enumerable.Range(0, outDim * Dim).Select(_ => (double)random.Next(-1, 2))];
            Projection layer = new(run.From(type, weights, outDim, Dim), null);
            foreach (int rows in new[] { 1, 64, 65, 128, 200, 256, 300 })
            {
                double[] values = [.. Enumerable.Range(0, rows * Dim).Select(_ => (double)random.Next(-2, 3))];
                values[rows / 2 * Dim] = double.NaN;
                var x = run.From(type, values, rows, Dim);
                Tensor y = run.Zeros(DType.Float32, rows, outDim), ids = run.Ints(new int[rows]), other = run.New(rows, Dim);
                float[] logits = new float[rows * outDim];
                int[] found = new int[rows], later = new int[rows];
                run.Backend.ProjectRows(x, [layer], [y]);
                run.Backend.ArgMax(y, ids);
                run.Backend.Read<int>(ids, found);
                run.Backend.Read<float>(y, logits);
                run.Backend.ProjectRows(x, [layer], [y]);
                run.Backend.Zero(other);
                run.Backend.ArgMax(y, ids);
                run.Backend.Read<int>(ids, later);
                Assert.Equal(
                    logits.Chunk(outDim).Select(row => row.Any(float.IsNaN) ? -1 : Array.IndexOf(row, row.Max())), found);
                Assert.Equal(found, later);
                Assert.Equal(1, found.Count(id => id < 0));
            }
        }
    }

    private static int[] ArgMax(DeviceRun run, float[] values, int rows)
    {
        int[] indices = [.. Enumerable.Repeat(-9, rows)];
        var result = run.Ints(indices);
        run.Backend.ArgMax(run.Floats(values).Reshape(rows, values.Length / rows), result);
        run.Backend.Read<int>(result, indices);
        return indices;
    }
}
