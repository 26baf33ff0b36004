using System.Reflection;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Every kernel once, at sizes that end in the middle of a tile, a warp and a vector: short enough to run under compute-sanitizer
/// (docs/gpu.md), which finds what values do not show. Values are checked elsewhere; here none may stay unwritten.</summary>
[Collection(nameof(DeviceRun))]
[Trait("Category", "sanitizer")]
public class DeviceSanitizerTests
{
    private const int Tokens = 37, Vocabulary = 301, Rank = 4, ManyTokens = 64, MinTokensPerBlock = 128;

    /// <summary>What tells kernels of smaller cards.</summary>
    private static readonly string[] OfSmallCards = ["_small", "_lean"];

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice.Where(row => (string)row[0] != DeviceRun.Turing);

    [Theory]
    [MemberData(nameof(Devices))]
    public void EveryKernel_WritesAllOfItsResults_AtOddSizes(string device)
    {
        CudaBackend? gpu = null;
        var thresholds = new KernelThresholds
        {
            AttentionSharedBytes = 227 << 10,
            ManyTokens = ManyTokens,
            MinTokensPerBlock = MinTokensPerBlock,
        };
        using var run = DeviceRun.On(device, () => new CpuBackend(2), () => gpu = DeviceRun.NewGpu(device, thresholds));
        foreach (int dim in (int[])[77, 96, 128]) Rows(run, dim);
        foreach (int dim in (int[])[77, 96, 128, 2056, 2176]) NormPairs(run, dim);
        foreach (int headDim in (int[])[10, 32, 64, 80, 128, 192, 256]) Heads(run, headDim);
        foreach (var type in (DType[])[DType.Float32, DType.BFloat16, DType.Float16]) Products(run, type);
        foreach (int vocabulary in (int[])[Vocabulary, 304]) Losses(run, vocabulary);
        Optimizer(run);
        if (gpu is not null) Assert.Empty(NotLaunched(gpu, [.. OfSmallCards, .. OfOtherCards(gpu)]));
    }

    /// <summary>The kernels for cards that give a block 99 KiB of shared memory.</summary>
    [Fact]
    public void KernelsForLittleSharedMemory_WriteAllOfTheirResults_AtOddSizes()
    {
        CudaBackend? gpu = null;
        var thresholds = new KernelThresholds { AttentionSharedBytes = 99 << 10 };
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => gpu = new CudaBackend(0, thresholds));
        foreach (int headDim in (int[])[192, 256]) Heads(run, headDim);
        Assert.DoesNotContain(NotLaunched(gpu!, []), name => name.Contains("_small", StringComparison.Ordinal));
    }

    /// <summary>The kernels for cards that give a block 64 KiB, as sm_75 compiles them.</summary>
    [Fact]
    public void KernelsForTuring_WriteAllOfTheirResults_AtOddSizes()
    {
        CudaBackend? gpu = null;
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => gpu = DeviceRun.NewGpu(DeviceRun.Turing));
        foreach (int dim in (int[])[77, 96]) Rows(run, dim);
        foreach (int headDim in (int[])[32, 64, 80, 128, 192, 256]) Heads(run, headDim);
        Products(run, DType.BFloat16);
        Losses(run, Vocabulary);
        Assert.DoesNotContain(NotLaunched(gpu!, []), name => name.Contains("_lean", StringComparison.Ordinal));
    }

    /// <summary>What tells kernels that other cards, or activations of another type, have instead.</summary>
    private static IEnumerable<string> OfOtherCards(CudaBackend gpu) =>
    [
        .. gpu.Runtime.HasWarpgroups ? ["project_tiles_nf4_128", "project_tiles_dense_128"] : (string[])["project_squares"],
        .. gpu.ActivationDType == DType.Float16 ? [] : (string[])["_wide"],
    ];

    /// <summary>Kernels that were never looked up, but for those whose names end so.</summary>
    private static string[] NotLaunched(CudaBackend gpu, IEnumerable<string> but) => [.. Kernels(gpu, [])
        .Where(kernel => kernel.Function == 0 && !but.Any(end => kernel.Name.Contains(end, StringComparison.Ordinal)))
        .Select(kernel => kernel.ToString())];

    /// <summary>The kernels in the fields of the backend's parts.</summary>
    private static IEnumerable<Kernel> Kernels(object part, HashSet<object> seen) => part is Kernel kernel ? [kernel]
        : !seen.Add(part) ? []
        : part.GetType().GetFields(BindingFlags.Instance | BindingFlags.NonPublic).Select(field => field.GetValue(part))
            .Where(value => value?.GetType() is { IsClass: true, Namespace: { } space }
                && space.StartsWith("Lapidary.Engine.Cuda", StringComparison.Ordinal))
            .SelectMany(value => Kernels(value!, seen));

    private static void Rows(DeviceRun run, int dim)
    {
        var backend = run.Backend;
        Tensor x = run.Normal(1, Tokens, dim), dy = run.Normal(1, Tokens, dim), weight = run.Normal(DType.Float32, 0.1, dim);
        Tensor y = run.New(Tokens, dim), dx = run.New(Tokens, dim), rstd = run.New(DType.Float32, Tokens), dUp = run.New(Tokens, dim);
        Tensor h = run.NormalWide(1, Tokens, dim), result = run.NormalWide(1, Tokens, dim);
        Tensor sum = run.NewWide(Tokens, dim), dh = run.NewWide(Tokens, dim);
        backend.RmsNormForward(h, weight, residual: null, 1e-6f, y, rstd, run.New(8, dim));
        AssertWritten(run, y, rstd);
        backend.RmsNormForward(result, weight, residual: h, 1e-6f, sum, rstd);
        Tensor dWeight = run.Zeros(DType.Float32, dim), dPost = run.Zeros(DType.Float32, dim);
        backend.RmsNormBackward(dy, h, weight, rstd, dh, add: false, dWeight: null);
        backend.RmsNormBackward(dy, h, weight, rstd, dh, add: true, dWeight);
        backend.RmsNormBackward(dh, result, weight, rstd, dx, add: false, dPost);
        AssertWritten(run, y, sum, dh, dx, dWeight, dPost);
        backend.GeGluForward(x, dy, y);
        backend.GeGluBackward(dy, x, y, dx, dUp);
        backend.Add(y, dx);
        AssertWritten(run, y, dx, dUp);

        Tensor ids = run.Ints([.. Enumerable.Range(0, Tokens).Select(t => t * 7 % 11)]);
        Tensor table = run.Normal(DType.BFloat16, 1, Vocabulary, dim);
        Tensor dTable = run.Zeros(DType.Float32, Vocabulary, dim), total = run.Zeros(DType.Float32, Vocabulary, dim);
        backend.EmbeddingForward(ids, table, 3, sum);
        backend.EmbeddingBackward(ids, dh, 3, dTable);
        backend.Add(dTable, total);
        AssertWritten(run, sum, total);
        Choices(run, dim);
    }

    private static void Choices(DeviceRun run, int dim)
    {
        Tensor logits = run.Normal(DType.Float32, 1, Tokens, dim), chosen = run.Ints(new int[Tokens]);
        TokenDraw[] draws = [.. Enumerable.Range(0, Tokens).Select(row => new TokenDraw(1, row % 2 * 5, 0.9f, 0.01f, row / 40.0))];
        var options = run.Ints(new int[Tokens * TokenDraw.LengthBytes / sizeof(int)]);
        run.Backend.Write<TokenDraw>(draws, options);
        var edits = run.Ints(new int[3 * 3]);
        run.Backend.Write<LogitEdit>([LogitEdit.Header(2), new(0, 1, 1.1f), new(Tokens - 1, dim - 1, 0)], edits);
        run.Backend.EditLogits(logits, edits);
        run.Backend.ArgMax(logits, chosen);
        run.Backend.Draw(logits, options, chosen);
        int[] ids = new int[Tokens];
        run.Backend.Read<int>(chosen, ids);
        Assert.All(ids, id => Assert.InRange(id, 0, dim - 1));
    }

    private static void NormPairs(DeviceRun run, int dim)
    {
        Tensor x = run.NormalWide(1, Tokens, dim), residual = run.NormalWide(1, Tokens, dim), weight = run.Normal(DType.Float32, 0.1, dim);
        Tensor h = run.NewWide(Tokens, dim), y = run.New(Tokens, dim), rstd = run.New(DType.Float32, Tokens);
        run.Backend.RmsNormPair(x, weight, residual, weight, 1e-6f, h, y, rstd, run.New(8, dim));
        AssertWritten(run, h, y);
    }

    private static void Heads(DeviceRun run, int headDim)
    {
        const int Heads = 4, KvHeads = 2, Capacity = 50;
        var backend = run.Backend;
        var shape = new AttentionShape(Heads, KvHeads, headDim, Window: 19, 1 / MathF.Sqrt(headDim));
        Tensor positions = run.Ints([.. Enumerable.Range(0, Tokens)]);
        Tensor starts = run.Ints([.. Enumerable.Range(0, Tokens).Select(t => t < 13 ? 0 : 13)]);
        Tensor cos = run.New(DType.Float32, Tokens, headDim / 2), sin = run.New(DType.Float32, Tokens, headDim / 2);
        backend.RopeTable(positions, run.Floats([.. Enumerable.Range(0, headDim / 2).Select(i => 1f / (i + 1))]), cos, sin);

        Tensor x = run.Normal(1, Tokens, Heads * headDim);
        Tensor weight = run.Normal(DType.Float32, 0.1, headDim), q = run.New(Tokens, Heads * headDim);
        Tensor rstd = run.New(DType.Float32, Tokens * Heads);
        Tensor dO = run.Normal(1, Tokens, Heads * headDim), dx = run.New(Tokens, Heads * headDim);
        backend.QkNormRopeForward(x, weight, cos, sin, 1e-6f, q, rstd);
        var dWeight = run.Zeros(DType.Float32, headDim);
        backend.QkNormRopeBackward(dO, x, weight, cos, sin, rstd, dx, dWeight);
        AssertWritten(run, cos, sin, q, rstd, dx, dWeight);

        Tensor k = run.Normal(1, Tokens, KvHeads * headDim);
        Tensor v = run.Normal(1, Tokens, KvHeads * headDim), o = run.New(Tokens, Heads * headDim);
        Tensor lse = run.New(DType.Float32, Heads, Tokens), dq = run.New(Tokens, Heads * headDim);
        Tensor dk = run.New(Tokens, KvHeads * headDim), dv = run.New(Tokens, KvHeads * headDim);
        backend.AttentionForward(q, k, v, starts, shape, o, lse);
        backend.AttentionBackward(dO, q, k, v, o, lse, starts, shape, dq, dk, dv);
        AssertWritten(run, o, lse, dq, dk, dv);

        Tensor keys = run.Normal(1, 2, Capacity, KvHeads * headDim), values = run.Normal(1, 2, Capacity, KvHeads * headDim);
        Tensor slots = run.Ints([.. Enumerable.Range(0, Tokens).Select(t => t % 3 - 1)]);
        Tensor places = run.Ints([.. Enumerable.Range(30, Tokens)]), decoded = run.New(Tokens, Heads * headDim);
        var norms = new QkNorms(weight, weight, 1e-6f);
        var rope = new RotaryTable(cos, sin);
        backend.QkvToCache(q, k, v, norms, rope, slots, places, keys, values, rstd);
        backend.KvAppend(k, v, slots, places, keys, values);
        backend.CachedAttention(q, slots, places, keys, values, shape with { Window = Capacity }, decoded);
        AssertWritten(run, keys, values, decoded);
        Tensor attended = run.New(Tokens, Heads * headDim), copied = run.New(Tokens, Heads * headDim);
        backend.QkvAttention(q, k, v, norms, rope, slots, places, keys, values, shape, attended, rstd, next: null);
        backend.QkvAttention(q, k, v, norms, rope, slots, places, keys, values, shape, copied, rstd, run.New(8, Heads * headDim));
        AssertWritten(run, keys, values, attended, copied);
        Tensor oddKeys = run.Zeros(backend.ActivationDType, 2, Capacity, 3);
        Tensor oddValues = run.Zeros(backend.ActivationDType, 2, Capacity, 3);
        backend.KvAppend(run.Normal(1, Tokens, 3), run.Normal(1, Tokens, 3), slots, places, oddKeys, oddValues);
        AssertWritten(run, oddKeys, oddValues);
    }

    /// <summary>Plain and NF4 weights, LoRA with dropout, one token and several.</summary>
    private static void Products(DeviceRun run, DType type)
    {
        const int In = 192, Out = 83;
        var backend = run.Backend;
        using MemoryRegion host = MemoryRegion.OnHost(MemoryOwner.Base), region = new(backend.Memory, MemoryOwner.Base);
        var weight = OnHost(host, type, Out, In);
        Tensor[] weights =
        [
            backend.Import(weight, region),
            backend.QuantizeNf4(weight, new Nf4Options(), region),
            backend.QuantizeNf4(weight, new Nf4Options { BlockSize = 128, DoubleQuant = false }, region),
        ];
        foreach (int tokens in (int[])[1, 3, Tokens])
        {
            Tensor x = run.Normal(1, tokens, In), y = run.New(tokens, Out), dy = run.Normal(1, tokens, Out), dx = run.New(tokens, In);
            foreach (var w in weights)
            {
                backend.LinearForward(x, w, y);
                backend.LinearBackward(dy, w, dx, add: false);
                backend.LinearBackward(dy, w, dx, add: true);
                AssertWritten(run, y, dx);
            }
        }

        // Few rows, several tiles of them, and so many outputs that tiles are wide; columns that are read one by one.
        Tensor wide = run.Normal(type, 0.1, 8400, 64), filling = run.Normal(type, 0.1, 4096, 64), odd = run.Normal(type, 0.1, 21, 77);
        Tensor[] many =
        [
            wide, backend.QuantizeNf4(OnHost(host, type, 8400, 64), new Nf4Options(), region),
            backend.QuantizeNf4(OnHost(host, type, 8400, 64), new Nf4Options { DoubleQuant = false }, region), odd,
        ];
        foreach (int rows in (int[])[1, 9, 40, 70])
        {
            foreach (var w in (Tensor[])[.. weights, .. many])
            {
                foreach (int r in (int[])[Rank, 5]) FewRows(run, w, rows, r);
            }

            foreach (var w in many.Take(3).Append(filling)) Gated(run, w, rows);
        }

        // Narrow outputs with more blocks of few rows than run at once, so that blocks share the columns; 32, 64 and 128 rows at a time.
        var narrow = OnHost(host, type, 1500, 1152);
        foreach (int rows in (int[])[200, 64, 30])
        {
            FewRows(run, run.Normal(type, 0.1, 1500, 1152), rows, Rank);
            FewRows(run, backend.QuantizeNf4(narrow, new Nf4Options(), region), rows, Rank);
            FewRows(run, backend.QuantizeNf4(narrow, new Nf4Options { DoubleQuant = false }, region), rows, Rank);
        }

        Likeliest(run);

        // Outputs narrower and wider than the input, several layers and one, ranks of a whole slice, less and more.
        foreach (int tokens in (int[])[1, Tokens])
        {
            Adapters(run, weights[0], tokens, [Rank]);
            Adapters(run, weights[1], tokens, [Rank, 0, 20]);
            Adapters(run, weights[2], tokens, [16, 16, 16]);
            Adapters(run, weights[2], tokens, [40, 24, 16]);
        }

        // Rows that are not aligned, and so many tokens that blocks take more of them, in more tiles than are under way at once.
        Adapters(run, run.Normal(type, 0.1, 21, 77), Tokens, [Rank]);
        Adapters(run, run.Normal(type, 0.1, 77, 21), Tokens, [Rank, 7]);
        Adapters(run, run.Normal(type, 0.1, 8, 328), MinTokensPerBlock + 6, [16]);
        Adapters(run, run.Normal(type, 0.1, 24, 16), MinTokensPerBlock + 6, [16, 8]);
    }

    private static Tensor OnHost(MemoryRegion host, DType type, int rows, int dim)
    {
        var weight = host.New("weight", type, rows, dim);
        FloatConversion.FromSingle([.. Enumerable.Range(0, rows * dim).Select(i => MathF.Sin(i))], type, weight.AsBytes());
        return weight;
    }

    /// <summary>The likeliest of so many outputs and rows that the product finds the largest of neighbours itself.</summary>
    private static void Likeliest(DeviceRun run)
    {
        const int Rows = 70, Outputs = 8208, Dim = 64;
        Projection layer = new(run.Normal(run.Backend.ActivationDType, 0.1, Outputs, Dim), null);
        Tensor y = run.New(DType.Float32, Rows, Outputs), ids = run.Ints(new int[Rows]);
        run.Backend.ProjectRows(run.Normal(1, Rows, Dim), [layer], [y]);
        run.Backend.ArgMax(y, ids);
        AssertWritten(run, y);
    }

    private static void FewRows(DeviceRun run, Tensor weight, int rows, int rank)
    {
        var (outDim, dim) = weight.AsRows();
        var adapter = new LoraAdapter(
            new Parameter("A", run.Normal(DType.Float32, 0.1, rank, dim), null),
            new Parameter("B", run.Normal(DType.Float32, 0.1, outDim, rank), null), 2, Dropout: null);
        Tensor[] ys = [run.New(rows, outDim), run.New(rows, outDim), run.NewWide(rows, outDim)];
        var x = run.Normal(1, rows, dim);
        EachWay(run, () => run.Backend.ProjectRows(x, [new(weight, adapter), new(weight, null), new(weight, adapter)], ys));
        AssertWritten(run, ys);
        var each = new RowAdapters([adapter, null, adapter], run.Ints([.. Enumerable.Range(0, rows).Select(row => (row % 4) - 1)]));
        var mixed = new Projection(weight, null) { RowAdapters = each };
        run.Backend.ProjectRows(x, [mixed, new(weight, null), mixed], ys);
        AssertWritten(run, ys);
    }

    /// <summary>With the weight's own bytes, and with what is decoded of them at the first use and kept.</summary>
    private static void EachWay(DeviceRun run, Action product)
    {
        product();
        using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
        product();
        product();
    }

    private static void Gated(DeviceRun run, Tensor weight, int rows)
    {
        var (outDim, dim) = weight.AsRows();
        Tensor gateY = run.New(rows, outDim), upY = run.New(rows, outDim), y = run.New(rows, outDim);
        var x = run.Normal(1, rows, dim);
        EachWay(run, () => run.Backend.ProjectRowsGated(x, new(weight, null), new(weight, null), gateY, upY, y, next: weight));
        AssertWritten(run, y);
    }

    private static void Adapters(DeviceRun run, Tensor weight, int tokens, int[] ranks)
    {
        var (outDim, inDim) = weight.AsRows();
        Tensor x = run.Normal(1, tokens, inDim), dx = run.New(tokens, inDim);
        using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
        foreach (float probability in (float[])[0, 0.3f])
        {
            Projection[] projections = [.. ranks.Select((r, i) => new Projection(weight, r == 0 ? null : new LoraAdapter(
                new Parameter("A", run.Normal(DType.Float32, 0.1, r, inDim), run.Zeros(DType.Float32, r, inDim)),
                new Parameter("B", run.Normal(DType.Float32, 0.1, outDim, r), run.Zeros(DType.Float32, outDim, r)),
                2, new Dropout(probability, run.Longs(7, 0), i))))];
            Tensor?[] xas = [.. ranks.Select(r => r == 0 ? null : run.New(tokens, r))];
            Tensor[] ys = [.. ranks.Select(_ => run.New(tokens, outDim))], dys = [.. ranks.Select(_ => run.Normal(1, tokens, outDim))];
            run.Backend.ProjectForward(x, projections, xas, ys);
            run.Backend.ProjectBackward(dys, x, projections, xas, dx, add: false);
            run.Backend.ProjectBackward(dys, x, projections, xas, dx, add: true);
            AssertWritten(run, [dx, .. ys, .. xas.OfType<Tensor>()]);
            var result = run.NewWide(tokens, outDim);
            run.Backend.ProjectForward(x, projections[..1], xas[..1], [result]);
            AssertWritten(run, result);
            foreach (var projection in projections)
            {
                if (projection.Adapter is { } adapter) AssertWritten(run, adapter.A.Gradient!, adapter.B.Gradient!);
            }
        }
    }

    /// <param name="run">Where.</param> <param name="vocabulary">A multiple of 4, whose rows a cluster may hold, or not.</param>
    private static void Losses(DeviceRun run, int vocabulary)
    {
        const int Dim = 72;
        Tensor h = run.Normal(1, Tokens, Dim), weight = run.Normal(DType.BFloat16, 0.3, vocabulary, Dim), dh = run.New(Tokens, Dim);
        Tensor labels = run.Ints([.. Enumerable.Range(0, Tokens).Select(t => t % 3 == 0 ? -100 : t)]);
        Tensor dWeight = run.Zeros(DType.Float32, vocabulary, Dim);
        Tensor losses = run.New(DType.Float32, Tokens), hits = run.New(DType.Float32, Tokens);
        run.Backend.LinearCrossEntropy(h, weight, labels, run.Floats(0.1f), losses, hits, dh, dWeight, Tokens, LogitsMemory.LeanBytes);
        AssertWritten(run, losses, hits, dh, dWeight);
    }

    private static void Optimizer(DeviceRun run)
    {
        Tensor[] gradients = [.. new[] { 1, 1023, 20_001 }.Select(count => run.Normal(DType.Float32, 1, count))];
        Tensor norm = run.New(DType.Float32, 3), stepScalars = run.Floats(1e-3f, 0.1f, 0.001f);
        run.Backend.GradientNorm(gradients, 1, run.Floats(0.5f), norm);
        foreach (var gradient in gradients)
        {
            Tensor weight = run.Normal(DType.Float32, 1, gradient.Count);
            Tensor m = run.Zeros(DType.Float32, gradient.Count), v = run.Zeros(DType.Float32, gradient.Count);
            run.Backend.AdamW(gradient, norm, stepScalars, new AdamWOptions(WeightDecay: 0.01), weight, m, v);
            AssertWritten(run, weight, m, v);
        }
    }

    private static void AssertWritten(DeviceRun run, params ReadOnlySpan<Tensor> results)
    {
        foreach (var result in results) Assert.All(run.Doubles(result), value => Assert.True(double.IsFinite(value)));
    }
}
