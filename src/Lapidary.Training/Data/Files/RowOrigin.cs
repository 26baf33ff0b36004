using Lapidary.Formats;

namespace Lapidary.Training.Data.Files;

/// <summary>Where a row was read, so that any later error can name it.</summary>
/// <param name="File">The file's path, as the user gave it.</param>
/// <param name="Unit">"line" for line-based files, "row" for the others.</param>
/// <param name="Number">1-based number of the line or row.</param>
internal readonly record struct RowOrigin(string File, string Unit, long Number)
{
    /// <summary>"data.jsonl line 17".</summary>
    public override string ToString() => $"{File} {Unit} {Number}";

    /// <summary>The error for a row that is not what it should be.</summary>
    /// <remarks>The row's own file is a value in it; what else is none are words, and so name options.</remarks>
    public LapidaryException Error(ErrorText expectedAndFound, Exception? inner = null) =>
        inner is null ? new($"{this}: {expectedAndFound}") : new($"{this}: {expectedAndFound}", inner);

    /// <inheritdoc cref="Error(ErrorText, Exception?)"/>
    public LapidaryException Error(string expectedAndFound, Exception? inner = null)
    {
        string line = $"{this}: {expectedAndFound}";
        return inner is null ? new(line) : new(line, inner);
    }
}
