namespace Lapidary.Hub;

/// <summary>A token and its source. Its text is never shown.</summary>
public sealed class HubToken
{
    /// <summary>Wraps a token's text.</summary>
    /// <param name="value">The text, without white space.</param>
    /// <param name="source">The source, for errors: "HF_TOKEN", a file's path.</param>
    public HubToken(string value, string source) => (Value, Source) = (value, source);

    /// <summary>The source of the token.</summary>
    public string Source { get; }

    /// <summary>The text; only for the header of a request.</summary>
    internal string Value { get; }

    /// <summary>Whether the token comes from an environment variable, which takes precedence over a saved token.</summary>
    internal bool IsOfVariable => Source is HubOptions.TokenVariable or HubOptions.OldTokenVariable;

    /// <summary>The source, never the text.</summary>
    public override string ToString() => $"token of {Source}";
}
