namespace Lapidary.Training;

/// <summary>A text that a model generated in an evaluation.</summary>
/// <param name="Question">What it was asked, for people.</param>
/// <param name="Expected">The reference answer; null for none.</param>
/// <param name="Answer">The model's answer; null if it gave none.</param>
/// <param name="IsRight">Whether the metric counts the answer as right; null if it does not say.</param>
public sealed record EvaluationSample(string Question, string? Expected, string? Answer, bool? IsRight);
