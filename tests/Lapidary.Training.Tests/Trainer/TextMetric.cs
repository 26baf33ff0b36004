using System.Buffers.Binary;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training.Tests;

/// <summary>A metric that generates texts: the share of their tokens that are even, or the next of some given values.</summary>
internal sealed class TextMetric(params double[] values) : IEvaluationMetric
{
    private static readonly int[][] Prompts = [.. Enumerable.Range(0, 7).Select(i => Enumerable.Range(5 + i, 90 + i).ToArray())];

    private static readonly GenerationOptions Options = new() { MaxNewTokens = 6 };

    private int _next;

    /// <summary>Called before each measurement with the number of those before.</summary>
    public Action<int> OnMeasure { get; init; } = _ => { };

    public string Name => "even";

    public bool GreaterIsBetter { get; init; } = true;

    public IReadOnlyList<EvaluationSample> Samples { get; private set; } = [];

    public int Texts => Prompts.Length;

    public int TextLength => 102;

    public double? Measure(GenerationEngine engine, RankGroup ranks, CancellationToken cancellationToken)
    {
        int call = Interlocked.Increment(ref _next) - 1;
        OnMeasure(call);
        int tokens = 0, even = 0;
        var texts = new List<Task<GeneratedText>>();
        for (int i = ranks.Rank; i < Prompts.Length && !cancellationToken.IsCancellationRequested; i += ranks.WorldSize)
            texts.Add(engine.GenerateAsync(Prompts[i], Options, null, CancellationToken.None));
        foreach (var text in Task.WhenAll(texts).GetAwaiter().GetResult())
        {
            tokens += text.Ids.Count;
            even += text.Ids.Count(id => id % 2 == 0);
        }

        byte[] mine = new byte[9];
        mine[0] = cancellationToken.IsCancellationRequested ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(mine.AsSpan(1), even);
        BinaryPrimitives.WriteInt32LittleEndian(mine.AsSpan(5), tokens);
        var all = ranks.Gather(mine);
        if (all.Any(rank => rank[0] != 0)) return null;
        double share = (double)all.Sum(rank => BinaryPrimitives.ReadInt32LittleEndian(rank.AsSpan(1)))
            / all.Sum(rank => BinaryPrimitives.ReadInt32LittleEndian(rank.AsSpan(5)));
        if (ranks.IsLeader) Samples = [new("question", null, $"answer {call}", null)];
        return values.Length == 0 ? share : values[call];
    }
}
