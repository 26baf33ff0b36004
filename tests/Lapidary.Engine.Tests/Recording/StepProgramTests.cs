namespace Lapidary.Engine.Tests;

public class StepProgramTests
{
    [Fact]
    public void Operations_AreNamedAsTheyAreCalled()
    {
        using var backend = new CpuBackend(1);
        using var program = new StepProgram(backend);
        var x = program.New(DType.Float32, 8);
        program.Add(ops => ops.Zero(x));
        program.Add(ops => ops.Add(x, x));
        program.Add(ops => ops.Add(x, x));

        Assert.Equal(["Zero", "Add", "Add"], program.Operations);
        Assert.Equal("1 × Zero\n2 × Add\n", program.ToString());
    }

    [Fact]
    public void Add_RefusesACallOfNothing()
    {
        using var backend = new CpuBackend(1);
        using var program = new StepProgram(backend);
        Assert.Throws<ArgumentException>(() => program.Add(_ => { }));
        Assert.Empty(program.Operations);
    }

    [Fact]
    public void Sections_RunSeparately_AndTogether_AndKeepTheirBuffers()
    {
        using var backend = new CpuBackend(threads: 1);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Inputs);
        Tensor input = region.New("input", DType.Float32, 1), output = region.New("output", DType.Float32, 1);
        using var program = new StepProgram(backend);
        Assert.Throws<InvalidOperationException>(program.Cut);
        var between = program.New(DType.Float32, 1);
        program.Add(ops => ops.Zero(between));
        program.Add(ops => ops.Add(input, between));
        program.Cut();
        Assert.Throws<InvalidOperationException>(program.Cut);
        program.Add(ops => ops.Add(between, output));
        program.Complete(backend.Memory);
        Assert.Throws<InvalidOperationException>(program.Cut);

        for (int i = 1; i <= 3; i++)
        {
            backend.Write<float>([1], input);
            program.RunSection(backend, 0);
            backend.Write<float>([100], input); // too late for the first section
            Assert.Equal(i - 1, output.AsSpan<float>()[0]);
            program.RunSection(backend, 1);
            Assert.Equal(i, output.AsSpan<float>()[0]);
        }

        program.Run(backend);
        Assert.Equal(103, output.AsSpan<float>()[0]);
    }

    [Fact]
    public void TimeByOp_RunsEveryCall_AndAddsUpThoseOfOneName()
    {
        using var backend = new CpuBackend(threads: 1);
        using var program = new StepProgram(backend);
        Tensor x = program.New(DType.Float32, 3), table = program.New(DType.Float32, 2, 3), ids = program.New(DType.Int32, 1);
        program.Add(ops => ops.Zero(ids));
        program.Add(ops => ops.Zero(table));
        program.Add(ops => ops.Zero(x));
        program.Add(ops => ops.EmbeddingForward(ids, table, 1, x));
        program.Keep(x);
        program.Complete(backend.Memory);
        backend.Write<float>([1, 2, 3], x);

        var times = program.TimeByOp(backend);

        Assert.Equal([("EmbeddingForward", 1), ("Zero", 3)], times.Select(time => (time.Op, time.Calls)).Order());
        Assert.All(times, time => Assert.True(time.Time > TimeSpan.Zero));
        float[] result = new float[3];
        backend.Read<float>(x, result);
        Assert.Equal([0, 0, 0], result);
    }

    /// <summary>The first result counts, not what follows from it, and an operation without a weight has the place of the last
    /// one.</summary>
    [Fact]
    public void FindNonFinite_NamesTheFirstResult()
    {
        using var backend = new CpuBackend(threads: 1);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Inputs);
        Tensor x = region.New("x", DType.Float32, 2, 2), weight = region.New("model.layers.7.mlp.down_proj.weight", DType.Float32, 2, 2);
        using var program = new StepProgram(backend);
        Tensor y = program.New(DType.Float32, 2, 2), gated = program.New(DType.Float32, 2, 2);
        program.Add(ops => ops.LinearForward(x, weight, y));
        program.Add(ops => ops.GeGluForward(y, y, gated));
        program.Complete(backend.Memory);
        backend.Write<float>([1, 2, 3, 4], x);

        backend.Write<float>([1, 2, 3, 4], weight);
        Assert.Null(program.FindNonFinite(backend));

        backend.Write<float>([1e30f, 0, 0, 0], weight); // whose square is infinite
        Assert.Equal(
            "layers.7.mlp.gelu(gate) · up: 2 of 4 values are not finite in Float32", program.FindNonFinite(backend));

        backend.Write<float>([1, 0, 1e38f, 1e38f], weight);
        Assert.Equal("layers.7.mlp.down_proj: 1 of 4 values is not finite in Float32", program.FindNonFinite(backend));
    }

    [Fact]
    public void FindNonFinite_NeedsACompleteProgram()
    {
        using var backend = new CpuBackend(threads: 1);
        using var program = new StepProgram(backend);
        Assert.Throws<InvalidOperationException>(() => program.FindNonFinite(backend));
    }

    [Fact]
    public void TimeByOp_NeedsACompleteProgram()
    {
        using var backend = new CpuBackend(threads: 1);
        using var program = new StepProgram(backend);
        Assert.Throws<InvalidOperationException>(() => program.TimeByOp(backend));
    }
}
