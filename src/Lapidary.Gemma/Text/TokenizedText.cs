namespace Lapidary.Gemma;

/// <summary>The characters of a text that one token stands for.</summary>
/// <param name="Start">Index of the first UTF-16 code unit.</param>
/// <param name="End">Index after the last one. All byte tokens of one character carry that character's whole range; a token that the
/// tokenizer added itself, such as &lt;bos&gt;, has (0, 0).</param>
public readonly record struct TokenSpan(int Start, int End);

/// <summary>Token ids and where each came from.</summary>
/// <param name="Ids">Token ids in order.</param>
/// <param name="Spans">For each id, its range in the text.</param>
public sealed record TokenizedText(int[] Ids, TokenSpan[] Spans);
