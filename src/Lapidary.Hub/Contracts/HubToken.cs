namespace Lapidary.Hub;

/// <summary>A token and where it came from. Its text is shown nowhere.</summary>
public sealed class HubToken
{
    /// <summary>Wraps a token's text.</summary>
    /// <param name="value">The text, without white space.</param>
    /// <param name="source">Where it came from, for errors: "HF_TOKEN", a file's path.</param>
    public HubToken(string value, string source) => (Value, Source) = (value, source);

    /// <summary>Where it came from.</summary>
    public string Source { get; }

    /// <summary>The text; for the header of a request alone.</summary>
    internal string Value { get; }

    /// <summary>Whether a variable of the environment holds it, which goes before a token that was saved.</summary>
    internal bool IsOfVariable => Source is HubOptions.TokenVariable or HubOptions.OldTokenVariable;

    /// <summary>Its source, never its text.</summary>
    public override string ToString() => $"token of {Source}";
}
