namespace Lapidary.Jinja.Parsing;

/// <summary>Parses the statements of a template.</summary>
internal sealed class Parser
{
    private readonly TokenReader _tokens;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private Parser(List<Token> tokens)
    {
        _tokens = new TokenReader(tokens);
        _expressions = new ExpressionParser(_tokens);
    }

    /// <summary>Parses a whole template.</summary>
    public static List<Statement> Parse(string source)
    {
        var parser = new Parser(Lexer.Tokenize(source));
        var body = parser.ParseBody();
        if (parser._tokens.Current.Kind != TokenKind.End) throw parser._tokens.Error($"{{% {parser._tokens.Peek} %}} closes nothing");
        return body;
    }

    // Up to the end or to a block that begins with one of the given words; that block's begin tag stays unread.
    private List<Statement> ParseBody(params ReadOnlySpan<string> ends)
    {
        _tokens.Enter();
        var body = new List<Statement>();
        while (_tokens.Current.Kind != TokenKind.End)
        {
            var token = _tokens.Current;
            if (token.Kind == TokenKind.Text)
            {
                body.Add(new TextOutput(token.Line, token.Text));
                _tokens.Next();
            }
            else if (token.Kind == TokenKind.VariableBegin)
            {
                _tokens.Next();
                body.Add(new Print(token.Line, _expressions.ParseTuple()));
                _tokens.Expect(TokenKind.VariableEnd, "}}");
            }
            else
            {
                string word = _tokens.Peek.Text;
                if (ends.Contains(word) || word is "else" or "elif" || word.StartsWith("end", StringComparison.Ordinal)) break;
                _tokens.Next();
                body.Add(ParseStatement());
            }
        }

        _tokens.Leave();
        return body;
    }

    private Statement ParseStatement()
    {
        var word = _tokens.Expect(TokenKind.Name, "a statement");
        switch (word.Text)
        {
            case "if": return ParseIf(word.Line);
            case "for": return ParseFor(word.Line);
            case "set": return ParseSet(word.Line);
            case "macro": return ParseMacro(word.Line);
            case "generation":
                EndOfTag();
                var body = ParseBody("endgeneration");
                EndBlock("endgeneration");
                return new Generation(word.Line, body);
            case "break" or "continue" when _loops > 0:
                EndOfTag();
                return new LoopJump(word.Line, word.Text == "break");
            default:
                throw new JinjaException(
                    $"{{% {word.Text} %}} is not supported here; supported are if, for, set, macro, generation, "
                    + "and break and continue within for",
                    word.Line);
        }
    }

    private If ParseIf(int line)
    {
        var branches = new List<(Expression, List<Statement>)>();
        do
        {
            var condition = _expressions.ParseTuple();
            EndOfTag();
            branches.Add((condition, ParseBody("endif")));
        }
        while (TryBlock("elif"));
        var otherwise = ParseElse("endif");
        return new If(line, branches, otherwise);
    }

    private For ParseFor(int line)
    {
        var targets = ParseTargets();
        if (!_tokens.TryName("in")) throw _tokens.Error("expected 'in' in a for");
        var items = _expressions.ParseTuple(withCondition: false);
        Expression? filter = _tokens.TryName("if") ? _expressions.Parse() : null;
        if (_tokens.Current.IsName("recursive")) throw _tokens.Error("a recursive for is not supported");
        EndOfTag();
        _loops++;
        var body = ParseBody("endfor");
        _loops--;
        return new For(line, targets, items, filter, body, ParseElse("endfor"));
    }

    private List<Statement> ParseElse(string end)
    {
        List<Statement> body = [];
        if (TryBlock("else"))
        {
            EndOfTag();
            body = ParseBody(end);
        }

        EndBlock(end);
        return body;
    }

    private Statement ParseSet(int line)
    {
        var targets = ParseTargets();
        if (targets.Count == 1 && _tokens.Try("."))
        {
            string name = _tokens.Expect(TokenKind.Name, "a name after '.'").Text;
            if (!_tokens.Try("=")) throw _tokens.Error("expected '=' in a set");
            var attribute = new SetAttribute(line, targets[0], name, _expressions.ParseTuple());
            EndOfTag();
            return attribute;
        }

        if (_tokens.Try("="))
        {
            var set = new Set(line, targets, _expressions.ParseTuple());
            EndOfTag();
            return set;
        }

        if (targets.Count > 1 || _tokens.Current.Kind != TokenKind.BlockEnd) throw _tokens.Error("expected '=' in a set");
        EndOfTag();
        var body = ParseBody("endset");
        EndBlock("endset");
        return new SetBlock(line, targets[0], body);
    }

    private Macro ParseMacro(int line)
    {
        string name = _tokens.Expect(TokenKind.Name, "the macro's name").Text;
        var parameters = new List<(string, Expression?)>();
        if (!_tokens.Try("(")) throw _tokens.Error("expected '(' after the macro's name");
        while (!_tokens.Try(")"))
        {
            if (parameters.Count > 0 && !_tokens.Try(",")) throw _tokens.Error("expected ',' between a macro's parameters");
            string parameter = _tokens.Expect(TokenKind.Name, "a parameter").Text;
            if (parameters.Count == ExpressionParser.MaxArguments)
                throw _tokens.Error($"has a macro of more than {ExpressionParser.MaxArguments} parameters");
            parameters.Add((parameter, _tokens.Try("=") ? _expressions.Parse() : null));
        }

        EndOfTag();
        int loops = _loops;
        _loops = 0;
        var body = ParseBody("endmacro");
        _loops = loops;
        EndBlock("endmacro");
        return new Macro(line, name, parameters, body);
    }

    private List<string> ParseTargets()
    {
        bool parenthesis = _tokens.Try("(");
        List<string> targets = [];
        do targets.Add(_tokens.Expect(TokenKind.Name, "a variable's name").Text);
        while (_tokens.Try(","));
        if (parenthesis && !_tokens.Try(")")) throw _tokens.Error("expected ')'");
        return targets;
    }

    private bool TryBlock(string word)
    {
        if (_tokens.Current.Kind != TokenKind.BlockBegin || !_tokens.Peek.IsName(word)) return false;
        _tokens.Next();
        _tokens.Next();
        return true;
    }

    private void EndBlock(string word)
    {
        if (!TryBlock(word))
        {
            string found = _tokens.Current.Kind == TokenKind.BlockBegin ? $"{{% {_tokens.Peek} %}}" : _tokens.Current.ToString();
            throw _tokens.Error($"expected {{% {word} %}}, found {found}");
        }
        EndOfTag();
    }

    private void EndOfTag() => _tokens.Expect(TokenKind.BlockEnd, "%}");
}
