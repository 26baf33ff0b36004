namespace Lapidary.Jinja.Parsing;

/// <summary>A cursor over tokens, which also bounds how deep a template may nest.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    /// <summary>Nested blocks and expressions; real templates stay under 20.</summary>
    public const int MaxDepth = 100;

    private int _at;
    private int _depth;

    public Token Current => tokens[_at];

    public Token Peek => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public Token Next() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    public bool Try(string op)
    {
        if (!Current.Is(op)) return false;
        Next();
        return true;
    }

    public bool TryName(string name)
    {
        if (!Current.IsName(name)) return false;
        Next();
        return true;
    }

    public Token Expect(TokenKind kind, string what) => Current.Kind == kind ? Next() : throw Error($"expected {what}, found {Current}");

    public void Require(string op)
    {
        if (!Try(op)) throw Error($"expected '{op}', found {Current}");
    }

    public void Enter()
    {
        if (++_depth > MaxDepth) throw Error($"nests deeper than {MaxDepth}");
    }

    public void Leave() => _depth--;

    public JinjaException Error(string what) => new(what, Current.Line);
}
