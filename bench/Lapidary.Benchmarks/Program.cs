using Lapidary.Benchmarks;

switch (args)
{
    case ["nf4"]:
        return Nf4Benchmark.Run();
    default:
        Console.Error.WriteLine("Usage: Lapidary.Benchmarks nf4");
        return 2;
}
