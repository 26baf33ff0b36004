using Lapidary.Jinja;

namespace Lapidary.Gemma;

/// <summary>Token ids and where each came from.</summary>
/// <param name="Ids">Token ids in order.</param>
/// <param name="Spans">For each id, its range in the text. All byte tokens of one character carry that character's whole range; a token
/// that the tokenizer added itself, such as &lt;bos&gt;, has (0, 0).</param>
public sealed record TokenizedText(int[] Ids, TextSpan[] Spans);
