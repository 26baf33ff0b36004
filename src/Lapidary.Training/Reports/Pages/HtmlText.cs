using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using Lapidary.Formats;

namespace Lapidary.Training.Reports.Pages;

/// <summary>Builds HTML. Texts and values of attributes are always encoded, so text from a run cannot become markup; names of elements and
/// attributes are the page's own.</summary>
internal sealed class HtmlText
{
    /// <summary>Longest text that is shown as a whole.</summary>
    private const int MaxText = 4000;

    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly StringBuilder _text = new();
    private readonly Stack<string> _open = new();

    /// <summary>Opens an element.</summary>
    public HtmlText Open(string element, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(element, attributes);
        _open.Push(element);
        return this;
    }

    /// <summary>Adds text. What is invisible or changes the writing direction becomes an escape.</summary>
    public HtmlText Text(string text)
    {
        _text.Append(Encoder.Encode(Printable.Lines(text, MaxText)));
        return this;
    }

    /// <summary>Closes the element that was opened last.</summary>
    public HtmlText Close()
    {
        _text.Append("</").Append(_open.Pop()).Append('>');
        return this;
    }

    /// <summary>Adds an element with text.</summary>
    public HtmlText Add(string element, string text, params ReadOnlySpan<(string Name, string? Value)> attributes) =>
        Open(element, attributes).Text(text).Close();

    /// <summary>Adds an element that has no end, such as meta.</summary>
    public HtmlText AddEmpty(string element, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(element, attributes);
        return this;
    }

    /// <summary>Adds text that is valid as it is: the page's own styles, scripts and data.</summary>
    public HtmlText Own(string text)
    {
        _text.Append(text);
        return this;
    }

    /// <summary>Starts a new line of the source.</summary>
    public HtmlText Line()
    {
        _text.Append('\n');
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        _open.Count == 0 ? _text.ToString() : throw new InvalidOperationException($"The element {_open.Peek()} is not closed.");

    private void Start(string element, ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        _text.Append('<').Append(element);
        foreach (var (name, value) in attributes)
        {
            if (value is null) continue;
            _text.Append(' ').Append(name);
            if (value.Length > 0) _text.Append("=\"").Append(Encoder.Encode(Printable.Line(value, MaxText))).Append('"');
        }

        _text.Append('>');
    }
}
