using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Sampling;

/// <summary>Rows of logits of every kind, and draws of every combination of options.</summary>
internal static class DrawCases
{
    private static readonly float[] Temperatures = [1e-30f, 1e-3f, 0.1f, 0.7f, 1, 1.5f, 20, 1e4f, 1e30f];
    private static readonly int[] TopKs = [1, 2, 5, 64, 1000, 1_000_000];
    private static readonly float[] TopPs = [1e-30f, 0.01f, 0.5f, 0.9f, 0.95f, 0.999f];
    private static readonly float[] MinPs = [1e-30f, 1e-4f, 0.05f, 0.5f, 1];

    /// <summary>Kinds of rows: flat and steep ones, many ties, one token far above the others, and equal ones.</summary>
    public static IReadOnlyList<Func<Random, double>> Kinds { get; } =
    [
        random => Normal(random),
        random => 0.01 * Normal(random),
        random => 6 * Normal(random) - 20,
        random => 1000 * Normal(random),
        random => random.Next(-3, 4),
        random => random.Next(100) == 0 ? 30 + Normal(random) : Normal(random),
        random => random.Next(2) == 0 ? 0.0 : -0.0,
        random => -7.25,
        random => 1e-30 * Normal(random),
        random => 3e38 * (1 - 2 * random.NextDouble()),
    ];

    public static float[] Row(Random random, int dim, Func<Random, double> kind) =>
        [.. Enumerable.Range(0, dim).Select(_ => (float)kind(random))];

    /// <summary>Some options at random, each off in half of the draws.</summary>
    public static DrawReference Draw(Random random) => new(
        random.Next(3) == 0 ? Temperatures[random.Next(Temperatures.Length)] : 1,
        random.Next(2) == 0 ? TopKs[random.Next(TopKs.Length)] : 0,
        random.Next(2) == 0 ? TopPs[random.Next(TopPs.Length)] : 1,
        random.Next(2) == 0 ? MinPs[random.Next(MinPs.Length)] : 0,
        random.Next(20) == 0 ? 0 : random.NextDouble());

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
