using Lapidary.Formats;

namespace Lapidary.Training.Data.Files;

/// <summary>The place where a row was read, for later errors.</summary>
/// <param name="File">The file's path as the user gave it.</param>
/// <param name="Unit">"line" for line-based files, "row" for the others.</param>
/// <param name="Number">1-based number of the line or row.</param>
internal readonly record struct RowOrigin(string File, string Unit, long Number)
{
    /// <summary>"data.jsonl line 17".</summary>
    public override string ToString() => $"{File} {Unit} {Number}";

    /// <summary>The error for an invalid row.</summary>
    public LapidaryException Error(string expectedAndFound, Exception? inner = null) =>
        Error(new LapidaryException(expectedAndFound), inner);

    /// <inheritdoc cref="Error(string, Exception)"/>
    public LapidaryException Error(ErrorText expectedAndFound, Exception? inner = null) =>
        Error(new LapidaryException(expectedAndFound), inner);

    /// <summary>Adds this row to an error without one.</summary>
    public LapidaryException Error(LapidaryException error) => Error(error, error);

    private LapidaryException Error(LapidaryException text, Exception? inner)
    {
        var located = ErrorText.At(ToString(), text.Message, text.Values);
        return inner is null ? new(located) : new(located, inner);
    }
}
