using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Server.Answers;

/// <summary>A piece of an answer.</summary>
/// <param name="Choice">Which answer of the request.</param>
/// <param name="Text">Text that is final; may be empty.</param>
/// <param name="Tokens">The tokens since the last piece, if their probabilities are wanted. Their texts joined are the text, except around
/// a stop text, whose tokens are here too.</param>
/// <param name="FinishReason">Why the answer ended, with its last piece.</param>
internal readonly record struct AnswerPiece(int Choice, string Text, IReadOnlyList<ChosenToken>? Tokens, string? FinishReason);
