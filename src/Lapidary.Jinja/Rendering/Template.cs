using Lapidary.Jinja.Objects;
using Lapidary.Jinja.Parsing;
using Lapidary.Jinja.Rendering;

namespace Lapidary.Jinja;

/// <summary>A template, parsed once and rendered any number of times: the part of Jinja2 that chat templates use, with trim_blocks and
/// lstrip_blocks as Hugging Face sets them. Templates are untrusted, so steps, depth and output are limited. Immutable and
/// thread-safe.</summary>
public sealed class Template
{
    private readonly List<Statement> _statements;

    private Template(List<Statement> statements) => _statements = statements;

    /// <summary>Parses a template.</summary>
    /// <exception cref="JinjaException">It uses syntax that is not supported (named in the message), or nests too deep.</exception>
    public static Template Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new Template(Parser.Parse(text));
    }

    /// <summary>Renders the template.</summary>
    /// <param name="variables">By name: null, bool, long, double, string, List&lt;object?&gt; and Dictionary&lt;string, object?&gt; of
    /// these.</param>
    /// <exception cref="JinjaException">The template fails, raises an error, or reaches a limit.</exception>
    public RenderedText Render(IEnumerable<KeyValuePair<string, object?>> variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return Interpreter.Render(_statements, variables, new Budget());
    }
}

/// <summary>The result of a rendering.</summary>
/// <param name="Text">The text.</param>
/// <param name="Generations">The ranges of the text that {% generation %} blocks wrote, in order.</param>
public sealed record RenderedText(string Text, IReadOnlyList<TextSpan> Generations)
{
    /// <summary>What each turn of a for loop wrote for an item that is a dictionary, such as a message: the item itself and its range of
    /// the text. Turns that wrote nothing, and those within a macro or a set block, are left out.</summary>
    internal IReadOnlyList<(object Item, TextSpan Output)> Visits { get; init; } = [];
}
