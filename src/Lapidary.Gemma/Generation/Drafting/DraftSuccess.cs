namespace Lapidary.Gemma.Generation.Drafting;

/// <summary>How often a guessed token is right, by the number of tokens before it that occurred in the same order earlier in the
/// text.</summary>
/// <param name="others">What is known of other texts, which a text begins with and tells of its own; null for what is shared by all
/// texts.</param>
internal sealed class DraftSuccess(DraftSuccess? others = null)
{
    /// <summary>Longest sequence that is told apart from longer ones.</summary>
    public const int Longest = 8;

    private const double Unknown = 0.5;

    /// <summary>Weight of a new guess. A single text changes its mind fast, all texts together slowly.</summary>
    private readonly double _weight = others is null ? 1.0 / 32 : 1.0 / 8;

    private readonly double[] _rates = others is null ? [.. Enumerable.Repeat(Unknown, Longest)] : [.. others._rates];

    /// <summary>The probability that a guess is right.</summary>
    /// <param name="length">Number of tokens that agree before it, at least 1.</param>
    public double Of(int length) => _rates[Math.Min(length, Longest) - 1];

    /// <summary>Notes whether a guess was right.</summary>
    /// <param name="length">As above.</param>
    /// <param name="right">Whether it was.</param>
    public void Add(int length, bool right)
    {
        ref double rate = ref _rates[Math.Min(length, Longest) - 1];
        rate += _weight * ((right ? 1 : 0) - rate);
        others?.Add(length, right);
    }
}
