using System.Globalization;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Operations that make the rows of a product, with or without its weight as a hint. Their inputs are random bits, the same at
/// every call.</summary>
internal static class RowMakers
{
    private const float Epsilon = 1e-6f;

    /// <summary>Names, and the rows' columns: whole stages of a product or not, and every kernel that writes a copy
    /// or has a part in it.</summary>
    public static (string Name, int Dim)[] Cases { get; } =
    [
        ("norm", 640), ("norm", 1184), ("pair", 1152), ("pair", 2304), ("pair", 6272), ("pair", 1184),
        ("attention of 256", 1024), ("attention of 128", 640), ("attention of 64", 640), ("attention of 32", 1184),
        ("gates", 4096), ("gates", 4160), ("adapted gates", 640),
    ];

    /// <summary>Whether a case writes a copy: attention over heads of 128 and 256 does, over others it does not.</summary>
    public static bool Copies(string name, int dim) => dim % 128 == 0 && name is not "attention of 64";

    /// <summary>An operation that fills x, [rows, dim].</summary>
    public static Action<Tensor, Tensor?> Of(string name, DeviceRun run, MemoryRegion host)
    {
        var (backend, type) = (run.Backend, run.Backend.ActivationDType);
        return name switch
        {
            "norm" => (x, next) => backend.RmsNormForward(
                Wide(x, 1), Weight(x.AsRows().Dim, 2), residual: null, Epsilon, x, run.New(DType.Float32, x.AsRows().Rows), next),
            "pair" => (x, next) => backend.RmsNormPair(
                Wide(x, 1), Weight(x.AsRows().Dim, 2), Wide(x, 3), Weight(x.AsRows().Dim, 4), Epsilon, Wide(x, 5), x,
                run.New(DType.Float32, x.AsRows().Rows), next),
            "gates" => (x, next) => Gates(x, adapter: null, next),
            "adapted gates" => (x, next) => Gates(x, Adapter(x.AsRows().Dim), next),
            _ => (x, next) => Attention(x, int.Parse(name.Split(' ')[^1], CultureInfo.InvariantCulture), next),
        };

        Tensor Matrix(DType dtype, long rows, int dim, int seed) => run.Import(RandomBits.Matrix(dtype, (int)rows, dim, seed, host));

        Tensor Wide(Tensor x, int seed) => Matrix(backend.ResidualDType, x.AsRows().Rows, x.AsRows().Dim, seed);

        Tensor Weight(int dim, int seed) => Matrix(DType.Float32, 1, dim, seed).Reshape(dim);

        LoraAdapter Adapter(int dim) => new(
            new Parameter("A", Matrix(DType.Float32, 4, 96, 6), null), new Parameter("B", Matrix(DType.Float32, dim, 4, 7), null), 1,
            Dropout: null);

        void Gates(Tensor x, LoraAdapter? adapter, Tensor? next)
        {
            var (rows, dim) = x.AsRows();
            Projection gate = new(Matrix(type, dim, 96, 1), adapter), up = new(Matrix(type, dim, 96, 2), adapter);
            backend.ProjectRowsGated(Matrix(type, rows, 96, 3), gate, up, run.New(rows, dim), run.New(rows, dim), x, next);
        }

        // Every seventh row has no token; of the others some see one chunk of the cache, some several.
        void Attention(Tensor x, int headDim, Tensor? next)
        {
            const int Capacity = 100;
            var (all, dim) = x.AsRows();
            int rows = (int)all, heads = dim / headDim, kvHeads = headDim == 64 ? heads : 1; // heads of 64 columns, half a stage
            var shape = new AttentionShape(heads, kvHeads, headDim, int.MaxValue, 1 / MathF.Sqrt(headDim));
            Tensor slots = run.Ints([.. Enumerable.Range(0, rows).Select(row => row % 7 == 3 ? -1 : row)]);
            Tensor positions = run.Ints([.. Enumerable.Range(0, rows).Select(row => row * 37 % 300)]);
            var rope = new RotaryTable(run.New(DType.Float32, rows, headDim / 2), run.New(DType.Float32, rows, headDim / 2));
            var frequencies = run.Floats([.. Enumerable.Range(0, headDim / 2).Select(j => 1f / (j + 1))]);
            backend.RopeTable(positions, frequencies, rope.Cos, rope.Sin);
            backend.QkvAttention(
                Matrix(type, rows, dim, 1), Matrix(type, rows, kvHeads * headDim, 2), Matrix(type, rows, kvHeads * headDim, 3),
                new QkNorms(Weight(headDim, 4), Weight(headDim, 5), Epsilon), rope, slots, positions, Cache(6), Cache(7), shape, x,
                run.New(DType.Float32, rows * heads), next);

            Tensor Cache(int seed) => Matrix(type, rows * Capacity, kvHeads * headDim, seed).Reshape(rows, Capacity, kvHeads * headDim);
        }
    }
}
