using System.ComponentModel.DataAnnotations;
using Lapidary.Formats;

namespace Lapidary.TextToSql;

/// <summary>Options of <see cref="QuestionAsker"/>.</summary>
public sealed record AskOptions
{
    /// <summary>Most tokens of an answer.</summary>
    [Range(1, 1 << 20)]
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>Most tokens of a conversation with its answer; 0 for the model's context.</summary>
    [Range(0, int.MaxValue)]
    public int MaxLength { get; init; }

    /// <summary>How often a model may try again after a query that fails.</summary>
    [Range(0, 10)]
    public int MaxRetries { get; init; } = 2;

    /// <summary>Whether the model sees a few rows of each table, where they fit. It runs on this machine, so no row leaves it.</summary>
    public bool ShowRows { get; init; } = true;

    /// <summary>What a query may take.</summary>
    public QueryLimits Limits { get; init; } = new();

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">An option is out of range; the message names it.</exception>
    public void Validate()
    {
        RecordLimits.Check(this);
        Limits.Validate();
    }
}
