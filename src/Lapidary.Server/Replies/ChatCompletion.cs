using System.Text.Json.Serialization;

namespace Lapidary.Server.Replies;

/// <summary>The reply of /v1/chat/completions.</summary>
internal sealed record ChatCompletion(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChatChoice> Choices, Usage Usage);

/// <summary>One answer.</summary>
internal sealed record ChatChoice(int Index, ChatAnswerMessage Message, ChatLogProbs? Logprobs, string FinishReason);

/// <summary>Its text.</summary>
internal sealed record ChatAnswerMessage(string Role, string Content)
{
    /// <summary>Clients expect it; there are no refusals.</summary>
    public string? Refusal { get; init; }
}

/// <summary>A piece of the streamed reply. With include_usage the last one has no choices.</summary>
internal sealed record ChatChunk(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChunkChoice> Choices, Usage? Usage);

/// <summary>A piece of one answer.</summary>
internal sealed record ChunkChoice(int Index, ChatDelta Delta, ChatLogProbs? Logprobs, string? FinishReason);

/// <summary>What a piece adds: the role comes first and once.</summary>
internal sealed record ChatDelta(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Role = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Content = null);

/// <summary>Probabilities of the tokens of an answer.</summary>
internal sealed record ChatLogProbs(IReadOnlyList<ChatLogProb> Content)
{
    /// <summary>Clients expect it; there are no refusals.</summary>
    public string? Refusal { get; init; }
}

/// <summary>The chosen token at one place.</summary>
/// <param name="Token">Its text.</param>
/// <param name="Logprob">In nats.</param>
/// <param name="Bytes">Its UTF-8, as numbers: a token may be part of a character.</param>
/// <param name="TopLogprobs">The likeliest tokens there.</param>
internal sealed record ChatLogProb(string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<ChatTopLogProb> TopLogprobs);

/// <summary>A likely token.</summary>
internal sealed record ChatTopLogProb(string Token, double Logprob, IReadOnlyList<int> Bytes);
