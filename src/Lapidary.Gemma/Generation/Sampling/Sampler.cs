using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;

namespace Lapidary.Gemma.Generation.Sampling;

/// <summary>Chooses the next token from logits: after <see cref="LogitsRules"/>, the largest logit, or a sample after temperature, top-k,
/// top-p and min-p in that order, like transformers' logits warpers.</summary>
/// <param name="options">The options.</param>
/// <param name="prompt">The ids before the first token, which some rules use.</param>
internal sealed class Sampler(GenerationOptions options, IReadOnlyList<int> prompt)
{
    private readonly LogitsRules? _rules = LogitsRules.AreIn(options) ? new LogitsRules(options, prompt) : null;
    private StableRandom _random = new(options.Seed, stream: 0);
    private TokenDrawer? _drawer;

    /// <summary>Whether a choice needs more than the index of the largest logit.</summary>
    public static bool IsFor(GenerationOptions options) => options.Draws || LogitsRules.AreIn(options);

    /// <summary>Whether rules change the logits.</summary>
    public bool HasRules => _rules is not null;

    /// <summary>Adds the rules' changes of a row of logits; see <see cref="LogitsRules.TryAdd"/>.</summary>
    public bool TryAddEdits(int row, int vocabulary, int most, List<LogitEdit> edits) =>
        _rules?.TryAdd(row, vocabulary, most, edits) ?? true;

    /// <summary>How a token is drawn; <see cref="TokenDraw.None"/> where the likeliest is taken.</summary>
    /// <param name="tokens">Number of tokens that are drawn before it.</param>
    /// <param name="vocabulary">Number of tokens in all. A top_k of as many is no limit, and a draw without one is cheaper.</param>
    public TokenDraw DrawAfter(int tokens, int vocabulary)
    {
        if (!options.Draws) return TokenDraw.None;
        var random = _random;
        for (int i = 0; i < tokens; i++) random.NextDouble();
        int topK = options.TopK > 0 && options.TopK < vocabulary ? options.TopK : 0;
        return new TokenDraw(options.Temperature, topK, options.TopP, options.MinP, random.NextDouble());
    }

    /// <summary>Takes a token that a device has chosen from logits with the rules' edits.</summary>
    /// <exception cref="LapidaryException">No token is left.</exception>
    public int Take(int id)
    {
        _rules?.Add(_rules.Checked(id));
        if (options.Draws) _random.NextDouble();
        return id;
    }

    /// <summary>The token that a device has left undecided.</summary>
    /// <param name="logits">[vocabulary], with the rules' edits.</param>
    /// <exception cref="LapidaryException">A logit is not finite, or no token is left.</exception>
    public int NextOfEdited(ReadOnlySpan<float> logits)
    {
        RequireFinite(logits);
        return Take(Choose(logits));
    }

    /// <summary>The id of the chosen token.</summary>
    /// <param name="logits">[vocabulary]; the rules change it in place.</param>
    /// <param name="text">Allows the tokens of a form; null for all.</param>
    /// <exception cref="LapidaryException">A logit is not finite, or no token is left.</exception>
    public int Next(Span<float> logits, FormedText? text = null)
    {
        RequireFinite(logits);
        _rules?.Apply(logits);
        text?.Mask(logits);
        return Take(Choose(logits));
    }

    private int Choose(ReadOnlySpan<float> logits)
    {
        int likeliest = LogitScan.Largest(logits);
        return options.Draws ? (_drawer ??= new TokenDrawer()).Draw(logits, logits[likeliest], DrawAfter(0, logits.Length)) : likeliest;
    }

    private static void RequireFinite(ReadOnlySpan<float> logits)
    {
        if (LogitScan.FirstNotFinite(logits) is >= 0 and var bad)
            throw new LapidaryException($"The logit of token {bad} is {logits[bad]}: a weight is not finite, or the model overflows.");
    }
}
