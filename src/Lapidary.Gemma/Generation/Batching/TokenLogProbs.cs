using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Gemma.Generation.Sampling;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>Natural logarithms of probabilities of the tokens at one place of a text, before temperature and other rules.</summary>
/// <param name="Chosen">Of the chosen token.</param>
/// <param name="Top">The likeliest tokens, the smaller id first among equals.</param>
internal sealed record TokenLogProbs(double Chosen, IReadOnlyList<(int Id, double LogProb)> Top)
{
    /// <summary>Computes them from logits.</summary>
    /// <param name="logits">[vocabulary], finite.</param>
    /// <param name="chosen">The chosen token.</param>
    /// <param name="top">Number of likeliest tokens.</param>
    public static TokenLogProbs Of(ReadOnlySpan<float> logits, int chosen, int top)
    {
        float largest = logits[LogitScan.Largest(logits)];
        double logSum = largest + Math.Log(SumOfExp(logits, largest));
        var likeliest = new (int Id, double LogProb)[Math.Min(top, logits.Length)];
        int count = 0;
        for (int id = 0; id < logits.Length && likeliest.Length > 0; id++)
        {
            if (count == likeliest.Length)
            {
                // Most of a vocabulary is below the least of those that are kept.
                id = LogitScan.NextAbove(logits, id, logits[likeliest[^1].Id]);
                if (id < 0) break;
                count--;
            }

            int place = count++;
            for (; place > 0 && logits[likeliest[place - 1].Id] < logits[id]; place--) likeliest[place] = likeliest[place - 1];
            likeliest[place] = (id, logits[id] - logSum);
        }

        return new(logits[chosen] - logSum, likeliest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double SumOfExp(ReadOnlySpan<float> logits, float largest)
    {
        Vector<double> first = default, second = default;
        var top = new Vector<double>(largest);
        int i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(logits[i..]), out var low, out var high);
            first += Vector.Exp(low - top);
            second += Vector.Exp(high - top);
        }

        double sum = Vector.Sum(first + second);
        for (; i < logits.Length; i++) sum += Math.Exp(logits[i] - (double)largest);
        return sum;
    }
}
