namespace Lapidary.Server.Replies;

/// <summary>What a request cost, in tokens. Each prompt counts once, whatever the number of its answers.</summary>
internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails);

/// <summary>Prompt tokens that needed no computation.</summary>
internal sealed record PromptTokensDetails(int CachedTokens);
