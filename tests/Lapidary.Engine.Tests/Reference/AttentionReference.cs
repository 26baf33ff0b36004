namespace Lapidary.Engine.Tests.Reference;

/// <summary>Plain O(n²) attention with its gradient, in fp64.</summary>
internal sealed class AttentionReference
{
    public AttentionReference(double[] q, double[] k, double[] v, int[] documentStarts, AttentionShape shape, double[]? dO = null)
    {
        int tokens = documentStarts.Length, dim = shape.HeadDim, group = shape.Heads / shape.KvHeads;
        (O, Lse) = (new double[q.Length], new double[shape.Heads * tokens]);
        (Dq, Dk, Dv) = (new double[q.Length], new double[k.Length], new double[k.Length]);
        for (int i = 0; i < tokens; i++)
        {
            int[] visible = [.. Enumerable.Range(0, tokens).Where(j => documentStarts[i] <= j && j <= i && (long)i - j < shape.Window)];
            for (int h = 0; h < shape.Heads; h++)
            {
                int row = (i * shape.Heads + h) * dim;
                int Kv(int j) => (j * shape.KvHeads + h / group) * dim;
                double[] scores = [.. visible.Select(j => shape.Scale * Dot(q, row, k, Kv(j), dim))];
                double max = scores.Max(), lse = max + Math.Log(scores.Sum(s => Math.Exp(s - max)));
                double[] p = [.. scores.Select(s => Math.Exp(s - lse))];
                Lse[h * tokens + i] = lse;
                for (int n = 0; n < visible.Length; n++) Add(O, row, p[n], v, Kv(visible[n]), dim);
                if (dO is null) continue;

                double delta = Dot(dO, row, O, row, dim);
                for (int n = 0; n < visible.Length; n++)
                {
                    int j = Kv(visible[n]);
                    double ds = shape.Scale * p[n] * (Dot(dO, row, v, j, dim) - delta);
                    Add(Dv, j, p[n], dO, row, dim);
                    Add(Dq, row, ds, k, j, dim);
                    Add(Dk, j, ds, q, row, dim);
                }
            }
        }
    }

    public double[] O { get; }

    public double[] Lse { get; }

    public double[] Dq { get; }

    public double[] Dk { get; }

    public double[] Dv { get; }

    private static double Dot(double[] a, int i, double[] b, int j, int n)
    {
        double sum = 0;
        for (int d = 0; d < n; d++) sum += a[i + d] * b[j + d];
        return sum;
    }

    private static void Add(double[] target, int i, double factor, double[] source, int j, int n)
    {
        for (int d = 0; d < n; d++) target[i + d] += factor * source[j + d];
    }
}
