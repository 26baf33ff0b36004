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
    public static bool IsFor(GenerationOptions options) => options.DoSample || LogitsRules.AreIn(options);

    /// <summary>Whether a device can choose, by <see cref="DrawAfter"/> alone.</summary>
    public bool OnlyDraws => options.DoSample && _rules is null;

    /// <summary>How a token is drawn.</summary>
    /// <param name="tokens">Number of tokens that are drawn before it.</param>
    public TokenDraw DrawAfter(int tokens)
    {
        var random = _random;
        for (int i = 0; i < tokens; i++) random.NextDouble();
        return new TokenDraw(options.Temperature, options.TopK, options.TopP, options.MinP, random.NextDouble());
    }

    /// <summary>Notes that a device has drawn a token.</summary>
    public void AddDrawn() => _random.NextDouble();

    /// <summary>The id of the chosen token.</summary>
    /// <param name="logits">[vocabulary]; the rules change it in place.</param>
    /// <param name="text">Allows the tokens of a form; null for all.</param>
    /// <exception cref="LapidaryException">A logit is not finite, or no token is left.</exception>
    public int Next(Span<float> logits, FormedText? text = null)
    {
        if (LogitScan.FirstNotFinite(logits) is >= 0 and var bad)
            throw new LapidaryException($"The logit of token {bad} is {logits[bad]}: a weight is not finite, or the model overflows.");
        _rules?.Apply(logits);
        text?.Mask(logits);
        int id = LogitScan.Largest(logits);
        if (options.DoSample)
        {
            id = (_drawer ??= new TokenDrawer()).Draw(logits, logits[id], DrawAfter(0));
            AddDrawn();
        }

        _rules?.Add(id);
        return id;
    }
}
