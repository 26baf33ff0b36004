namespace Lapidary.Jinja.Parsing;

/// <summary>Kinds of token in a template.</summary>
internal enum TokenKind
{
    Text,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>A token: its kind, its text (unescaped for strings) and the line it begins on.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    public bool Is(string op) => Kind == TokenKind.Operator && Text == op;

    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public override string ToString() => Kind switch
    {
        TokenKind.Text => "text",
        TokenKind.End => "end of template",
        TokenKind.VariableBegin => "{{",
        TokenKind.VariableEnd => "}}",
        TokenKind.BlockBegin => "{%",
        TokenKind.BlockEnd => "%}",
        TokenKind.String => "a string",
        _ => Text,
    };
}
