using System.ComponentModel.DataAnnotations;
using Lapidary.Formats;

namespace Lapidary.TextToSql;

/// <summary>Options of <see cref="SqlEvaluation"/>.</summary>
public sealed record SqlEvaluationOptions
{
    /// <summary>Most rows to ask about, drawn by the seed; 0 for all.</summary>
    [Range(0, int.MaxValue)]
    public int MaxRows { get; init; }

    /// <summary>Seed of the draw.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Most tokens of an answer.</summary>
    [Range(1, int.MaxValue)]
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>How answers are scored; null for the defaults.</summary>
    public SqlScorerOptions? Scorer { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">An option is out of range; the message names it.</exception>
    public void Validate() => RecordLimits.Check(this);
}
