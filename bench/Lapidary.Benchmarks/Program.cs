using Lapidary.Benchmarks;

switch (args)
{
    case ["matmul"]:
        MatMulBenchmark.Run();
        return 0;
    case ["matvec"]:
        MatVecBenchmark.Run();
        return 0;
    case ["kernels"]:
        KernelBenchmark.Run();
        return 0;
    default:
        Console.Error.WriteLine("Usage: Lapidary.Benchmarks matmul | matvec | kernels");
        return 1;
}
