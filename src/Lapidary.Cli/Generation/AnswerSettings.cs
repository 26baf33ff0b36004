using Lapidary.Cli.Models;
using Lapidary.Gemma;

namespace Lapidary.Cli.Generation;

/// <summary>How the rows of a data set are answered.</summary>
/// <param name="Options">Sampling and length, from the model's folder; the seed is the run's, and each row gets a separate one.</param>
/// <param name="Stops">Texts that end an answer.</param>
/// <param name="BatchSize">Most rows at a time on a device; 0 for the device's number.</param>
/// <param name="Output">The file of answers, or null for standard output.</param>
/// <param name="Resume">Whether to continue an unfinished file.</param>
/// <param name="Schema">The JSON schema that each answer has; null for none.</param>
internal sealed record AnswerSettings(
    Func<string, TextTools?, GenerationOptions> Options, IReadOnlyList<string> Stops, int BatchSize, string? Output, bool Resume,
    string? Schema);
