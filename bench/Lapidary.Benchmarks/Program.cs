using Lapidary.Benchmarks;

switch (args)
{
    case ["matmul"]:
        ProductBenchmark.Run();
        return 0;
    case ["rows"]:
        RowsBenchmark.Run();
        return 0;
    case ["nf4"]:
        return Nf4Benchmark.Run();
    case ["kernels"]:
        KernelBenchmark.Run();
        return 0;
    case ["kernel-hashes"]:
        return KernelHashes.Run();
    case ["kernel-code"] or ["kernel-code", "all"]:
        return KernelCode.Run(isEvery: args.Length > 1);
    case ["tokenizer", .. var rest]:
        return TokenizerBenchmark.Run(rest);
    case ["serve"] or ["serve", _]:
        await ServeBenchmark.RunAsync(args.ElementAtOrDefault(1));
        return 0;
    case ["adapters", var size]:
        await AdaptersBenchmark.RunAsync(size);
        return 0;
    case ["forms", var folder]:
        return FormBenchmark.Run(folder);
    case ["sampling"]:
        SamplingBenchmark.Run();
        return 0;
    case ["load", var size, var folder]:
        return LoadBenchmark.Run(size, folder);
    default:
        Console.Error.WriteLine(
            "Usage: Lapidary.Benchmarks matmul | rows | nf4 | kernels | kernel-hashes | kernel-code [all] | tokenizer FOLDER FILE | "
            + "load SIZE FOLDER | forms FOLDER | sampling | serve [FOLDER] | "
            + "adapters SIZE");
        return 2;
}
