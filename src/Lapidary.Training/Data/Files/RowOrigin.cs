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
    public LapidaryException Error(string expectedAndFound, Exception? inner = null) =>
        Error(new LapidaryException(expectedAndFound), inner);

    /// <inheritdoc cref="Error(string, Exception)"/>
    public LapidaryException Error(ErrorText expectedAndFound, Exception? inner = null) =>
        Error(new LapidaryException(expectedAndFound), inner);

    /// <summary>An error that knows no row, with this one.</summary>
    public LapidaryException Error(LapidaryException error) => Error(error, error);

    private LapidaryException Error(LapidaryException text, Exception? inner)
    {
        var located = ErrorText.At(ToString(), text.Message, text.Values);
        return inner is null ? new(located) : new(located, inner);
    }
}
