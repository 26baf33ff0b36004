using System.Globalization;
using System.Numerics;
using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Parsing;

/// <summary>Parses expressions by recursive descent, with Jinja2's precedence.</summary>
internal sealed class ExpressionParser(TokenReader tokens)
{
    /// <summary>Links of one chain such as a + b + c; a chain makes a tree as deep as it is long.</summary>
    private const int MaxChain = 500;

    /// <summary>Arguments of one call, and parameters of one macro.</summary>
    public const int MaxArguments = 100;

    /// <summary>Digits of a whole number.</summary>
    private const int MaxDigits = 1200;

    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, or several with commas, which make a tuple.</summary>
    public Expression ParseTuple(bool withCondition = true)
    {
        int line = tokens.Current.Line;
        var first = withCondition ? Parse() : ParseOr();
        if (!tokens.Current.Is(",")) return first;
        List<Expression> items = [first];
        while (tokens.Try(",") && !IsEnd()) items.Add(withCondition ? Parse() : ParseOr());
        return new TupleLiteral(line, items);
    }

    /// <summary>One expression, conditional ones included.</summary>
    public Expression Parse()
    {
        tokens.Enter();
        int line = tokens.Current.Line;
        var value = ParseOr();
        for (int chain = 0; tokens.TryName("if"); Count(ref chain))
        {
            var condition = ParseOr();
            value = new Conditional(line, condition, value, tokens.TryName("else") ? Parse() : null);
        }

        tokens.Leave();
        return value;
    }

    private bool IsEnd() => tokens.Current.Kind is TokenKind.BlockEnd or TokenKind.VariableEnd || tokens.Current.Is(")");

    private Expression ParseOr() => ParseChain(ParseAnd, token => token.IsName("or"));

    private Expression ParseAnd() => ParseChain(ParseNot, token => token.IsName("and"));

    private Expression ParseNot()
    {
        int line = tokens.Current.Line;
        if (!tokens.TryName("not")) return ParseComparison();
        tokens.Enter();
        var operand = ParseNot();
        tokens.Leave();
        return new Unary(line, "not", operand);
    }

    private Expression ParseComparison()
    {
        int line = tokens.Current.Line;
        var first = ParseSum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            var token = tokens.Current;
            string? op = token.Kind == TokenKind.Operator && Comparisons.Contains(token.Text) ? token.Text : null;
            if (token.IsName("in")) op = "in";
            if (token.IsName("not") && tokens.Peek.IsName("in"))
            {
                op = "not in";
                tokens.Next();
            }

            if (op is null) return rest.Count == 0 ? first : new Comparison(line, first, rest);
            tokens.Next();
            rest.Add((op, ParseSum()));
        }
    }

    private Expression ParseSum() => ParseChain(ParseConcat, token => token.Is("+") || token.Is("-"));

    private Expression ParseConcat() => ParseChain(ParseProduct, token => token.Is("~"));

    private Expression ParseProduct() => ParseChain(ParsePower, token => token.Is("*") || token.Is("/") || token.Is("//") || token.Is("%"));

    private Expression ParsePower() => ParseChain(() => ParseUnary(), token => token.Is("**"));

    private Expression ParseChain(Func<Expression> operand, Func<Token, bool> isOperator)
    {
        var left = operand();
        for (int chain = 0; isOperator(tokens.Current); Count(ref chain))
        {
            var op = tokens.Next();
            left = new Binary(op.Line, op.Text, left, operand());
        }

        return left;
    }

    private Expression ParseUnary(bool withFilters = true)
    {
        tokens.Enter();
        var token = tokens.Current;
        Expression value;
        if (tokens.Try("-") || tokens.Try("+")) value = new Unary(token.Line, token.Text, ParseUnary(withFilters: false));
        else value = ParsePrimary();
        value = ParsePostfix(value);
        if (withFilters) value = ParseFilters(value);
        tokens.Leave();
        return value;
    }

    private Expression ParsePrimary()
    {
        var token = tokens.Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new Literal(token.Line, true),
                    "false" or "False" => new Literal(token.Line, false),
                    "none" or "None" => new Literal(token.Line, null),
                    _ => new Variable(token.Line, token.Text),
                };
            case TokenKind.String:
                string text = token.Text;
                for (int chain = 0; tokens.Current.Kind == TokenKind.String; Count(ref chain)) text += tokens.Next().Text;
                return new Literal(token.Line, text);
            case TokenKind.Integer:
                if (token.Text.Length > MaxDigits) throw new JinjaException($"the number {token.Text} is too large", token.Line);
                return new Literal(token.Line, Operators.Normal(BigInteger.Parse(token.Text, CultureInfo.InvariantCulture)));
            case TokenKind.Float:
                return new Literal(token.Line, double.Parse(token.Text, CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Text == "(":
                return ParseParenthesis(token.Line);
            case TokenKind.Operator when token.Text == "[":
                return new ListLiteral(token.Line, ParseItems("]", Parse));
            case TokenKind.Operator when token.Text == "{":
                return new DictLiteral(token.Line, ParseItems("}", ParsePair));
            default:
                throw new JinjaException($"expected an expression, found {token}", token.Line);
        }
    }

    private Expression ParseParenthesis(int line)
    {
        if (tokens.Try(")")) return new TupleLiteral(line, []);
        var value = ParseTuple();
        tokens.Require(")");
        return value;
    }

    private (Expression, Expression) ParsePair()
    {
        var key = Parse();
        tokens.Require(":");
        return (key, Parse());
    }

    private List<T> ParseItems<T>(string close, Func<T> item)
    {
        List<T> items = [];
        while (!tokens.Try(close))
        {
            if (items.Count > 0) tokens.Require(",");
            if (items.Count > 0 && tokens.Try(close)) break;
            items.Add(item());
        }

        return items;
    }

    private Expression ParsePostfix(Expression value)
    {
        for (int chain = 0; ; Count(ref chain))
        {
            int line = tokens.Current.Line;
            if (tokens.Try("."))
            {
                var name = tokens.Next();
                value = name.Kind switch
                {
                    TokenKind.Name => new GetAttribute(line, value, name.Text),
                    TokenKind.Integer => new GetItem(line, value, new Literal(line, ParseIndex(name))),
                    _ => throw new JinjaException($"expected a name after '.', found {name}", line),
                };
            }
            else if (tokens.Try("["))
            {
                value = ParseSubscript(line, value);
            }
            else if (tokens.Current.Is("("))
            {
                value = new Call(line, value, ParseArguments());
            }
            else
            {
                return value;
            }
        }
    }

    private static long ParseIndex(Token token) =>
        long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long index)
            ? index
            : throw new JinjaException($"the number {token.Text} is too large", token.Line);

    private Expression ParseSubscript(int line, Expression target)
    {
        Expression? start = tokens.Current.Is(":") ? null : Parse();
        if (tokens.Try("]")) return new GetItem(line, target, start!);
        tokens.Require(":");
        Expression? stop = tokens.Current.Is(":") || tokens.Current.Is("]") ? null : Parse();
        Expression? step = tokens.Try(":") && !tokens.Current.Is("]") ? Parse() : null;
        tokens.Require("]");
        return new Slice(line, target, start, stop, step);
    }

    private Arguments ParseArguments()
    {
        tokens.Require("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        ParseItems(")", () =>
        {
            if (tokens.Current.Is("*") || tokens.Current.Is("**")) throw tokens.Error("* and ** arguments are not supported");
            if (tokens.Current.Kind == TokenKind.Name && tokens.Peek.Is("="))
            {
                string name = tokens.Next().Text;
                tokens.Next();
                named.Add((name, Parse()));
            }
            else
            {
                positional.Add(named.Count == 0 ? Parse() : throw tokens.Error("a positional argument follows a named one"));
            }

            if (positional.Count + named.Count > MaxArguments) throw tokens.Error($"has a call of more than {MaxArguments} arguments");
            return 0;
        });
        return new Arguments(positional, named);
    }

    private Expression ParseFilters(Expression value)
    {
        for (int chain = 0; ; Count(ref chain))
        {
            int line = tokens.Current.Line;
            if (tokens.Try("|"))
            {
                string name = tokens.Expect(TokenKind.Name, "a filter's name").Text;
                value = new FilterCall(line, value, name, tokens.Current.Is("(") ? ParseArguments() : Arguments.None);
            }
            else if (tokens.TryName("is"))
            {
                value = ParseTest(line, value);
            }
            else if (tokens.Current.Is("("))
            {
                value = new Call(line, value, ParseArguments());
            }
            else
            {
                return value;
            }
        }
    }

    private TestCall ParseTest(int line, Expression value)
    {
        bool negated = tokens.TryName("not");
        string name = tokens.Expect(TokenKind.Name, "a test's name").Text;
        Arguments arguments = Arguments.None;
        var next = tokens.Current;
        if (next.Is("(")) arguments = ParseArguments();
        else if (BeginsArgument(next)) arguments = new Arguments([ParsePostfix(ParsePrimary())], []);
        return new TestCall(line, value, name, arguments, negated);
    }

    /// <summary>Whether a test's argument begins here, which needs no parentheses.</summary>
    private static bool BeginsArgument(Token token) =>
        token.Kind is TokenKind.String or TokenKind.Integer or TokenKind.Float || token.Is("[") || token.Is("{")
        || (token.Kind == TokenKind.Name && token.Text is not ("else" or "or" or "and" or "is" or "if" or "in" or "not"));

    private void Count(ref int chain)
    {
        if (++chain > MaxChain) throw tokens.Error($"has an expression of more than {MaxChain} parts");
    }
}
