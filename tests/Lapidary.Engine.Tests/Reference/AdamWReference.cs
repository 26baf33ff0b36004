namespace Lapidary.Engine.Tests.Reference;

/// <summary>AdamW in fp64 (arXiv:1711.05101), step by step from moments of zero.</summary>
internal sealed class AdamWReference(double[] weight, AdamWOptions options)
{
    private int _step;

    public double[] Weight { get; } = weight;

    public double[] M { get; } = new double[weight.Length];

    public double[] V { get; } = new double[weight.Length];

    /// <summary>The tensor schedule of the next step: learning rate, 1 − β₁ᵗ, 1 − β₂ᵗ.</summary>
    public float[] Schedule(float learningRate) => [learningRate, (float)Correction(options.Beta1), (float)Correction(options.Beta2)];

    /// <summary>Takes the next step.</summary>
    public void Step(double[] gradient, double clip, double learningRate)
    {
        double c1 = Correction(options.Beta1), c2 = Correction(options.Beta2);
        for (int i = 0; i < Weight.Length; i++)
        {
            double g = gradient[i] * clip;
            M[i] = options.Beta1 * M[i] + (1 - options.Beta1) * g;
            V[i] = options.Beta2 * V[i] + (1 - options.Beta2) * g * g;
            Weight[i] -= learningRate * options.WeightDecay * Weight[i];
            Weight[i] -= learningRate / c1 * M[i] / (Math.Sqrt(V[i] / c2) + options.Epsilon);
        }

        _step++;
    }

    private double Correction(double beta) => 1 - Math.Pow(beta, _step + 1);
}
