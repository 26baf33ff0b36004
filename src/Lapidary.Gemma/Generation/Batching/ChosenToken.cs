namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A token of a text.</summary>
/// <param name="Id">Its id.</param>
/// <param name="LogProbs">Its probability, if the caller wants it.</param>
internal readonly record struct ChosenToken(int Id, TokenLogProbs? LogProbs = null);
