namespace Lapidary.Engine.Tests.Reference;

/// <summary>Gemma's RMSNorm and rotary embedding in fp64, a row at a time.</summary>
internal static class NormReference
{
    /// <summary>x · rstd · (1 + w), and rstd.</summary>
    public static (double[] Y, double Rstd) Forward(ReadOnlySpan<double> x, double[] weight, double epsilon)
    {
        double squares = 0;
        foreach (double value in x) squares += value * value;
        double rstd = 1 / Math.Sqrt(squares / x.Length + epsilon);
        double[] y = new double[x.Length];
        for (int i = 0; i < y.Length; i++) y[i] = x[i] * rstd * (1 + weight[i]);
        return (y, rstd);
    }

    /// <summary>Σⱼ dyⱼ · ∂yⱼ/∂xᵢ, from ∂(xⱼ·rstd)/∂xᵢ = rstd·δᵢⱼ − xⱼ·xᵢ·rstd³/n.</summary>
    public static double[] Backward(ReadOnlySpan<double> dy, ReadOnlySpan<double> x, double[] weight, double epsilon)
    {
        double rstd = Forward(x, weight, epsilon).Rstd, dot = 0;
        for (int j = 0; j < x.Length; j++) dot += dy[j] * (1 + weight[j]) * x[j];
        double[] dx = new double[x.Length];
        for (int i = 0; i < dx.Length; i++) dx[i] = rstd * dy[i] * (1 + weight[i]) - dot * x[i] * rstd * rstd * rstd / x.Length;
        return dx;
    }

    /// <summary>Σ over the rows of dyⱼ · ∂yⱼ/∂wⱼ.</summary>
    public static double[] WeightGradient(IReadOnlyList<double[]> dys, IReadOnlyList<double[]> xs, double epsilon)
    {
        double[] sums = new double[xs[0].Length];
        for (int row = 0; row < xs.Count; row++)
        {
            double rstd = Forward(xs[row], new double[sums.Length], epsilon).Rstd;
            for (int j = 0; j < sums.Length; j++) sums[j] += dys[row][j] * xs[row][j] * rstd;
        }

        return sums;
    }

    /// <summary>Rotates the pairs (j, j + n/2) by <paramref name="angle"/>(j), or back where <paramref name="sign"/> is −1.</summary>
    public static double[] Rotate(ReadOnlySpan<double> x, Func<int, double> angle, int sign = 1)
    {
        int half = x.Length / 2;
        double[] y = new double[x.Length];
        for (int j = 0; j < half; j++)
        {
            double cos = Math.Cos(angle(j)), sin = sign * Math.Sin(angle(j));
            y[j] = x[j] * cos - x[j + half] * sin;
            y[j + half] = x[j + half] * cos + x[j] * sin;
        }

        return y;
    }
}
