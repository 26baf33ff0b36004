using Lapidary.Benchmarks;

switch (args)
{
    case ["matmul"]:
        MatMulBenchmark.Run();
        return 0;
    case ["matvec"]:
        MatVecBenchmark.Run();
        return 0;
    case ["nf4"]:
        return Nf4Benchmark.Run();
    default:
        Console.Error.WriteLine("Usage: Lapidary.Benchmarks matmul | matvec | nf4");
        return 2;
}
