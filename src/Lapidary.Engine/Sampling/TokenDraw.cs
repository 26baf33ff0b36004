using System.Runtime.InteropServices;

namespace Lapidary.Engine;

/// <summary>How the token of a row is drawn: the temperature and the limits of transformers' logits warpers, and the random number that
/// decides. Kernels read it as it lies in memory.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct TokenDraw
{
    /// <summary>Bytes of a draw.</summary>
    public const int LengthBytes = 32;

    /// <summary>What <see cref="IOps.Draw"/> writes for a row that it leaves to <see cref="TokenDrawer"/>.</summary>
    public const int Undecided = -2;

    /// <summary>Longest row: sums of weights then fit into 64 bits.</summary>
    public const int MaxLength = 1 << 19;

    private const int DrawsNothing = -1;

    private readonly double _uniform;
    private readonly double _reach;
    private readonly float _scale;
    private readonly float _scaleRest;
    private readonly float _topP;
    private readonly int _topK;

    /// <summary>Describes a draw.</summary>
    /// <param name="temperature">Logits are divided by it; positive.</param>
    /// <param name="topK">Only the k largest logits, and those equal to the last of them; 0 for all.</param>
    /// <param name="topP">Only the shortest head, by falling logit, whose probability reaches this; 1 for all.</param>
    /// <param name="minP">Only logits whose probability, relative to that of the largest, is at least this; 0 for all.</param>
    /// <param name="uniform">A random number in [0, 1).</param>
    public TokenDraw(float temperature, int topK, float topP, float minP, double uniform)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(topK);
        double scale = Math.Min(Math.Log2(Math.E) / temperature, 3e38);
        _uniform = uniform;
        _reach = temperature * Math.Log(minP);
        _scale = (float)scale;
        _scaleRest = (float)(scale - _scale);
        _topP = topP;
        _topK = topK;
    }

    private TokenDraw(int topK) => _topK = topK;

    /// <summary>A row whose largest logit is taken.</summary>
    public static TokenDraw None { get; } = new(DrawsNothing);

    /// <summary>Whether a token is drawn.</summary>
    public bool Draws => _topK != DrawsNothing;

    /// <summary>log₂ e / temperature.</summary>
    internal float Scale => _scale;

    /// <summary>What <see cref="Scale"/> lacks.</summary>
    internal float ScaleRest => _scaleRest;

    /// <summary>See the constructor.</summary>
    internal int TopK => _topK;

    /// <summary>Whether min_p is in force.</summary>
    internal bool HasLimit => _reach > double.NegativeInfinity;

    /// <summary>Whether top_p is in force.</summary>
    internal bool HasHead => _topP < 1;

    /// <summary>The smallest logit that min_p lets pass.</summary>
    internal float Limit(float top) => (float)(top + _reach);

    /// <summary>The weight that the head of top_p must reach.</summary>
    /// <param name="total">Of all candidates; at least 1.</param>
    internal ulong Needed(ulong total) => HasHead ? Math.Clamp((ulong)(long)Math.Ceiling(_topP * (double)(long)total), 1, total) : total;

    /// <summary>The weight beyond which the chosen token lies.</summary>
    /// <param name="kept">Of the head; at least 1.</param>
    internal ulong Target(ulong kept) => Math.Min((ulong)(long)(_uniform * (long)kept), kept - 1);
}
