using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Sources;

/// <summary>Which rows of a data set: "train", "train[:1000]", "train[90%:]", "train+validation[:10%]", in the words of Hugging Face's
/// datasets.</summary>
/// <param name="Parts">One after the other.</param>
internal sealed partial record SplitExpression(IReadOnlyList<SplitPart> Parts)
{
    private const int MaxParts = 100;

    /// <summary>The rows that are trained where nothing else is said.</summary>
    public static SplitExpression Train { get; } = new([new(SplitPart.TrainName, null, null)]);

    /// <summary>Whether it is a whole split of this name.</summary>
    public bool IsWhole(string split) => Parts is [{ From: null, To: null } part] && part.Split == split;

    /// <summary>Reads an expression.</summary>
    /// <exception cref="LapidaryException">It is none.</exception>
    public static SplitExpression Parse(string text) => TryParse(text) ?? throw new LapidaryException(
        $"\"{text}\": expected a split such as train, train[:1000], train[90%:] or train+validation, found another text.");

    /// <summary>Reads an expression; null where it is none.</summary>
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
/// <param name="From">The first row; null for the first there is.</param>
/// <param name="To">The row behind the last one; null for the end.</param>
internal sealed record SplitPart(string Split, SplitBound? From, SplitBound? To)
{
    /// <summary>The split that is trained.</summary>
    public const string TrainName = "train";

    /// <summary>The split that is evaluated on while it is trained.</summary>
    public const string ValidationName = "validation";

    /// <summary>The split that no training sees.</summary>
    public const string TestName = "test";

    /// <summary>Whether the number of rows must be known to say which ones are meant.</summary>
    public bool NeedsCount => From is { IsOfCount: true } || To is { IsOfCount: true };

    /// <summary>The rows that are meant.</summary>
    /// <param name="count">Rows of the split; where <see cref="NeedsCount"/> is false, any number not below the bounds.</param>
    /// <returns>The first one and the one behind the last, both within the split.</returns>
    public (long First, long End) Of(long count)
    {
        long first = From?.Of(count) ?? 0, end = To?.Of(count) ?? count;
        return (first, Math.Max(first, end));
    }

    /// <inheritdoc/>
    public override string ToString() => From is null && To is null ? Split : $"{Split}[{From}:{To}]";
}

/// <summary>An end of a slice: a row's number from 0, or a share of the rows; from the end where it is negative.</summary>
/// <param name="Value">The number or the percent.</param>
/// <param name="IsPercent">Which of them.</param>
internal sealed record SplitBound(long Value, bool IsPercent)
{
    /// <summary>Whether it depends on the number of rows.</summary>
    public bool IsOfCount => IsPercent || Value < 0;

    /// <summary>The row's number. A share is rounded to the nearest row, and half of a row to the even number, as datasets does.</summary>
    public long Of(long count)
    {
        long row = IsPercent ? (long)Math.Round(Value * (double)count / 100, MidpointRounding.ToEven) : Value;
        return Math.Clamp(row < 0 ? count + row : row, 0, count);
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture) + (IsPercent ? "%" : "");
}
