namespace Lapidary.Cli.Bench;

/// <summary>Repeated measurements of one thing.</summary>
internal readonly record struct Spread(double Median, double Min, double Max)
{
    /// <summary>Creates it from at least one value.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int half = sorted.Length / 2;
        return new(sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2, sorted[0], sorted[^1]);
    }
}
