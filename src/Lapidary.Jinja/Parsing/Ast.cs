namespace Lapidary.Jinja.Parsing;

/// <summary>A part of a template, with the line it begins on.</summary>
internal abstract record Node(int Line);

internal abstract record Expression(int Line) : Node(Line);

internal sealed record Literal(int Line, object? Value) : Expression(Line);

internal sealed record Variable(int Line, string Name) : Expression(Line);

internal sealed record ListLiteral(int Line, List<Expression> Items) : Expression(Line);

internal sealed record TupleLiteral(int Line, List<Expression> Items) : Expression(Line);

internal sealed record DictLiteral(int Line, List<(Expression Key, Expression Value)> Items) : Expression(Line);

internal sealed record GetAttribute(int Line, Expression Target, string Name) : Expression(Line);

internal sealed record GetItem(int Line, Expression Target, Expression Index) : Expression(Line);

internal sealed record Slice(int Line, Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression(Line);

internal sealed record Arguments(List<Expression> Positional, List<(string Name, Expression Value)> Named)
{
    public static readonly Arguments None = new([], []);
}

internal sealed record Call(int Line, Expression Target, Arguments Arguments) : Expression(Line);

internal sealed record FilterCall(int Line, Expression Target, string Name, Arguments Arguments) : Expression(Line);

internal sealed record TestCall(int Line, Expression Target, string Name, Arguments Arguments, bool Negated) : Expression(Line);

internal sealed record Unary(int Line, string Operator, Expression Operand) : Expression(Line);

internal sealed record Binary(int Line, string Operator, Expression Left, Expression Right) : Expression(Line);

internal sealed record Comparison(int Line, Expression First, List<(string Operator, Expression Operand)> Rest) : Expression(Line);

internal sealed record Conditional(int Line, Expression Condition, Expression Then, Expression? Else) : Expression(Line);

internal abstract record Statement(int Line) : Node(Line);

internal sealed record TextOutput(int Line, string Text) : Statement(Line);

internal sealed record Print(int Line, Expression Value) : Statement(Line);

internal sealed record If(int Line, List<(Expression Condition, List<Statement> Body)> Branches, List<Statement> Else) : Statement(Line);

internal sealed record For(
    int Line, List<string> Targets, Expression Items, Expression? Filter, List<Statement> Body, List<Statement> Else) : Statement(Line);

internal sealed record Set(int Line, List<string> Targets, Expression Value) : Statement(Line);

internal sealed record SetAttribute(int Line, string Namespace, string Name, Expression Value) : Statement(Line);

internal sealed record SetBlock(int Line, string Target, List<Statement> Body) : Statement(Line);

internal sealed record Macro(
    int Line, string Name, List<(string Name, Expression? Default)> Parameters, List<Statement> Body) : Statement(Line);

internal sealed record Generation(int Line, List<Statement> Body) : Statement(Line);

internal sealed record LoopJump(int Line, bool Break) : Statement(Line);
