namespace Lapidary.Engine.Tests.Reference;

/// <summary>A draw from a row of logits by transformers' warpers, temperature, top_k, top_p and min_p: the whole row is sorted, and sums
/// are in fp64.</summary>
internal sealed record DrawReference(float Temperature, int TopK, float TopP, float MinP, double Uniform)
{
    public TokenDraw Draw => new(Temperature, TopK, TopP, MinP, Uniform);

    /// <summary>The token, and how near in probability a decision was to another one: where it is nearer than sums are exact, another token
    /// may come.</summary>
    public (int Id, double Margin) Of(ReadOnlySpan<float> logits)
    {
        float[] values = logits.ToArray();
        int[] order = [.. Enumerable.Range(0, values.Length).Where(id => values[id] > float.NegativeInfinity)
            .OrderByDescending(id => values[id]).ThenBy(id => id)];
        int count = order.Length;
        if (TopK > 0 && TopK < count)
        {
            count = TopK;
            while (count < order.Length && values[order[count]] == values[order[count - 1]]) count++;
        }

        double top = values[order[0]], total = 0;
        double[] weights = [.. order.Take(count).Select(id => Math.Exp((values[id] - top) / Temperature))];
        foreach (double weight in weights) total += weight;

        // top_p: the shortest head whose probability reaches p; at least one token.
        double kept = 0, margin = double.MaxValue;
        int head = 0;
        while (head < count && (head == 0 || (kept < TopP * total && weights[head] >= MinP)))
        {
            if (head > 0 && MinP > 0) margin = Math.Min(margin, Math.Abs(weights[head] - MinP));
            kept += weights[head++];
            if (TopP < 1) margin = Math.Min(margin, Math.Abs(kept - (TopP * total)) / total);
        }

        double target = Uniform * kept, sum = 0;
        for (int i = 0; i < head; i++)
        {
            sum += weights[i];
            margin = Math.Min(margin, Math.Abs(sum - target) / kept);
            if (sum > target) return (order[i], margin);
        }

        return (order[head - 1], margin);
    }
}
