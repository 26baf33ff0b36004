namespace Lapidary.Server.Replies;

/// <summary>The reply of /v1/completions, whole or a piece of it.</summary>
internal sealed record TextCompletion(
    string Id, string Object, long Created, string Model, IReadOnlyList<TextChoice> Choices, Usage? Usage);

/// <summary>One text, or a piece of it.</summary>
internal sealed record TextChoice(int Index, string Text, TextLogProbs? Logprobs, string? FinishReason);

/// <summary>Probabilities of the tokens of a text.</summary>
/// <param name="Tokens">Their texts.</param>
/// <param name="TokenLogprobs">In nats.</param>
/// <param name="TopLogprobs">The likeliest tokens at each place.</param>
/// <param name="TextOffset">Where each token begins in the text, in characters.</param>
internal sealed record TextLogProbs(
    IReadOnlyList<string> Tokens, IReadOnlyList<double> TokenLogprobs, IReadOnlyList<Dictionary<string, double>> TopLogprobs,
    IReadOnlyList<int> TextOffset);
