using System.Runtime.CompilerServices;
using System.Text;

namespace Lapidary.Formats;

/// <summary>The interpolated text of an error. It distinguishes its words from inserted values: a value may be a file name, a column or a
/// user's text that looks like a key, is very long, or contains characters that must not reach a screen.</summary>
[InterpolatedStringHandler]
public sealed class ErrorText
{
    private readonly StringBuilder _text;
    private readonly List<(int Start, int End)> _values = [];

    /// <summary>Called by the compiler.</summary>
    public ErrorText(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + 16 * formattedCount);

    /// <summary>Ranges of the values in the text.</summary>
    internal IReadOnlyList<(int Start, int End)> Values => _values;

    /// <summary>Called by the compiler.</summary>
    public void AppendLiteral(string text) => _text.Append(text);

    /// <summary>Called by the compiler.</summary>
    public void AppendFormatted<T>(T value) => AppendFormatted(value, format: null);

    /// <summary>Called by the compiler.</summary>
    public void AppendFormatted<T>(T value, string? format)
    {
        int start = _text.Length;
        if (value is ErrorText inner) // its words stay words
        {
            _text.Append(inner._text);
            _values.AddRange(inner._values.Select(range => (range.Start + start, range.End + start)));
            return;
        }

        string? text = value is IFormattable formattable ? formattable.ToString(format, null) : value?.ToString();
        _text.Append(Printable.Line(text ?? "", Printable.MaxValueLength));
        _values.Add((start, _text.Length));
    }

    /// <summary>A text after the place that it is about, each with its words and values.</summary>
    /// <param name="place">Such as a file and a row.</param>
    /// <param name="text">The message without it.</param>
    /// <param name="values">Ranges of the values in the message.</param>
    internal static ErrorText At(string place, string text, IReadOnlyList<(int Start, int End)> values)
    {
        var whole = new ErrorText(place.Length + text.Length, 1);
        whole.AppendFormatted(place);
        whole.AppendLiteral(": ");
        int offset = whole._text.Length;
        whole.AppendLiteral(text);
        whole._values.AddRange(values.Select(value => (value.Start + offset, value.End + offset)));
        return whole;
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();
}
