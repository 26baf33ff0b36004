namespace Lapidary.Gemma;

/// <summary>A generated text.</summary>
/// <param name="Ids">New ids, without the stop token.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="CachedTokens">Number of prompt tokens that needed no computation, because an earlier prompt began with them.</param>
public sealed record GeneratedText(IReadOnlyList<int> Ids, FinishReason FinishReason, int CachedTokens);
