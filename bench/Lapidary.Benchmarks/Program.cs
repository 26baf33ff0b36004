using Lapidary.Benchmarks;

return args switch
{
    ["tokenizer", .. var rest] => TokenizerBenchmark.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Lapidary.Benchmarks tokenizer ...");
    return 2;
}
