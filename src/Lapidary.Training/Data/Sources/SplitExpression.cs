using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Sources;

/// <summary>Selects rows of a data set: "train", "train[:1000]", "train[90%:]", "train+validation[:10%]", in the syntax of Hugging Face's
/// datasets.</summary>
/// <param name="Parts">The parts, in order.</param>
internal sealed partial record SplitExpression(IReadOnlyList<SplitPart> Parts)
{
    private const int MaxParts = 100;

    /// <summary>The default rows for training.</summary>
    public static SplitExpression Train { get; } = new([new(SplitPart.TrainName, null, null)]);

    /// <summary>Whether it is the complete split of this name.</summary>
    public bool IsWhole(string split) => Parts is [{ From: null, To: null } part] && part.Split == split;

    /// <summary>Parses an expression.</summary>
    /// <exception cref="LapidaryException">The text is not an expression.</exception>
    public static SplitExpression Parse(string text) => TryParse(text) ?? throw new LapidaryException(
        $"\"{text}\": expected a split such as train, train[:1000], train[90%:] or train+validation, found another text.");

    /// <summary>Parses an expression; null if the text is not one.</summary>
    public static SplitExpression? TryParse(string text)
    {
        string[] texts = text.Split('+', StringSplitOptions.TrimEntries);
        if (texts.Length > MaxParts) return null;
        SplitPart[] parts = [.. texts.Select(Part).OfType<SplitPart>()];
        return parts.Length == texts.Length ? new(parts) : null;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join('+', Parts);

    /// <inheritdoc/>
    public bool Equals(SplitExpression? other) => other is not null && Parts.SequenceEqual(other.Parts);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    private static SplitPart? Part(string text)
    {
        if (Pattern().Match(text) is not { Success: true } match) return null;
        return Bound(match.Groups["from"], match.Groups["fromPercent"], out var from)
            && Bound(match.Groups["to"], match.Groups["toPercent"], out var to)
            ? new SplitPart(match.Groups["split"].Value, from, to)
            : null;
    }

    private static bool Bound(Group number, Group percent, out SplitBound? bound)
    {
        bound = null;
        if (!number.Success) return true;
        string digits = number.Value.Replace("_", "", StringComparison.Ordinal);
        if (!long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)) return false;
        if (percent.Success && Math.Abs((double)value) > 100) return false;
        bound = new(value, percent.Success);
        return true;
    }

    [GeneratedRegex(@"\A(?<split>\w+(?:\.\w+)*)(?:\[(?:(?<from>-?[0-9][0-9_]*)(?<fromPercent>%)?)?:"
        + @"(?:(?<to>-?[0-9][0-9_]*)(?<toPercent>%)?)?\])?\z", RegexOptions.NonBacktracking)]
    private static partial Regex Pattern();
}

/// <summary>Some rows of one split.</summary>
/// <param name="Split">Its name.</param>
/// <param name="From">The first row; null for the start.</param>
/// <param name="To">The row after the last one; null for the end.</param>
internal sealed record SplitPart(string Split, SplitBound? From, SplitBound? To)
{
    /// <summary>The split for training.</summary>
    public const string TrainName = "train";

    /// <summary>The split for evaluation during training.</summary>
    public const string ValidationName = "validation";

    /// <summary>The split that training never uses.</summary>
    public const string TestName = "test";

    /// <summary>Whether the selection depends on the number of rows.</summary>
    public bool NeedsCount => From is { IsOfCount: true } || To is { IsOfCount: true };

    /// <summary>The selected rows.</summary>
    /// <param name="count">Rows of the split. If <see cref="NeedsCount"/> is false, any number that is not smaller than the bounds.</param>
    /// <returns>The first row and the row after the last, both within the split.</returns>
    public (long First, long End) Of(long count)
    {
        long first = From?.Of(count) ?? 0, end = To?.Of(count) ?? count;
        return (first, Math.Max(first, end));
    }

    /// <inheritdoc/>
    public override string ToString() => From is null && To is null ? Split : $"{Split}[{From}:{To}]";
}

/// <summary>An end of a slice: a row's number from 0, or a share of the rows; negative values count from the end.</summary>
/// <param name="Value">The number or the percent.</param>
/// <param name="IsPercent">Whether the value is a percentage.</param>
internal sealed record SplitBound(long Value, bool IsPercent)
{
    /// <summary>Whether it depends on the number of rows.</summary>
    public bool IsOfCount => IsPercent || Value < 0;

    /// <summary>The row's number. A share is rounded to the nearest row, and half a row to the even number, as in datasets.</summary>
    public long Of(long count)
    {
        long row = IsPercent ? (long)Math.Round(Value * (double)count / 100, MidpointRounding.ToEven) : Value;
        return Math.Clamp(row < 0 ? count + row : row, 0, count);
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture) + (IsPercent ? "%" : "");
}
