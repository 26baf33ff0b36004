using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>Whether the results of a model's norms stay within fp16. A value of a normed row of n is at most √n, then times 1 + w; where a
/// stream has one huge channel, as Gemma 3's do, the norm comes near that.</summary>
/// <remarks>A bound, not a finding: what really leaves the range shows in the loss or the logits, and is an error there. So this is a note.
/// Results of post norms are added to the residual stream in fp32, and never stored in fp16.</remarks>
internal sealed class NormRange
{
    private const string AddedInFp32 = ".post_";

    private (string Name, int Dim, float Factor)? _worst;
    private int _count;

    /// <summary>Adds a norm.</summary>
    /// <param name="tensor">Its weight.</param>
    /// <param name="weights">The values, all finite.</param>
    public void Add(GemmaTensor tensor, ReadOnlySpan<float> weights)
    {
        if (tensor.Name.Contains(AddedInFp32, StringComparison.Ordinal)) return;
        float factor = 0;
        foreach (float weight in weights) factor = MathF.Max(factor, MathF.Abs(1 + weight));
        if (Bound(weights.Length, factor) <= (double)Half.MaxValue) return;
        _count++;
        if (_worst is not { } worst || Bound(weights.Length, factor) > Bound(worst.Dim, worst.Factor))
            _worst = (tensor.Name, weights.Length, factor);
    }

    /// <summary>What to know of the norms beyond the range; null if there are none.</summary>
    public string? Note()
    {
        if (_worst is not { } worst) return null;
        string others = _count > 1 ? FormattableString.Invariant($", and {_count - 1} more,") : "";
        return FormattableString.Invariant($"{worst.Name}{others} has a factor 1 + w of {worst.Factor:N0}, so a value of this norm may ")
            + FormattableString.Invariant($"reach {Bound(worst.Dim, worst.Factor):N0}, and float16 ends at {(float)Half.MaxValue:N0}: ")
            + "if a loss or logits are not finite, set DType to bfloat16 where the device has it, or set Device to cpu.";
    }

    private static double Bound(int dim, float factor) => Math.Sqrt(dim) * factor;
}
