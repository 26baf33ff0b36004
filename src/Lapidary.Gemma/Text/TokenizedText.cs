using Lapidary.Jinja;

namespace Lapidary.Gemma;

/// <summary>Token ids and their ranges in the text.</summary>
/// <param name="Ids">Token ids in order.</param>
/// <param name="Spans">For each id, its range in the text. All byte tokens of one character have that character's whole range. A token that
/// the tokenizer added, such as &lt;bos&gt;, has (0, 0).</param>
public sealed record TokenizedText(int[] Ids, TextSpan[] Spans);
