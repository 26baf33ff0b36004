using System.Globalization;
using System.Text;
using Lapidary.Jinja.Objects;

namespace Lapidary.Jinja.Parsing;

/// <summary>Splits a template into text, tags and the tokens within tags, with the whitespace rules of Jinja2 under trim_blocks and
/// lstrip_blocks, as Hugging Face sets them: the newline after a block or comment goes, and so does the space before one on its line;
/// "-" strips all whitespace on its side, "+" switches the rule off.</summary>
internal sealed class Lexer
{
    private static readonly string[] Operators =
    [
        "==", "!=", ">=", "<=", "//", "**", "+", "-", "/", "*", "%", "~",
        "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
    ];

    private const int MaxNameLength = 256;

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private bool _lineStarting = true;

    private Lexer(string source) => _source = source;

    /// <summary>The tokens of a template, ending in <see cref="TokenKind.End"/>.</summary>
    public static List<Token> Tokenize(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'); // only these, as Jinja2
        if (source.EndsWith('\n')) source = source[..^1];
        var lexer = new Lexer(source);
        while (lexer._at < source.Length) lexer.ReadUntilTag();
        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    private void ReadUntilTag()
    {
        int tag = FindTag(_at);
        string text = _source[_at..(tag < 0 ? _source.Length : tag)];
        if (tag < 0)
        {
            AddText(text, text);
            _at = _source.Length;
            return;
        }

        char kind = _source[tag + 1];
        char sign = tag + 2 < _source.Length ? _source[tag + 2] : '\0';
        string kept = text;
        if (sign == '-') kept = Text.TrimEnd(text);
        else if (sign != '+' && kind != '{') kept = StripLine(text);
        AddText(kept, text);
        _lineStarting = false;
        _at = tag + (sign is '-' or '+' ? 3 : 2);
        if (kind == '#') SkipComment();
        else ReadTag(kind);
    }

    private int FindTag(int from)
    {
        for (int at = from; (at = _source.IndexOf('{', at)) >= 0 && at + 1 < _source.Length; at++)
        {
            if (_source[at + 1] is '{' or '%' or '#') return at;
        }

        return -1;
    }

    // lstrip_blocks: what stands between the line's start and the tag goes if it is only whitespace.
    private string StripLine(string text)
    {
        int start = text.LastIndexOf('\n') + 1;
        return (start > 0 || _lineStarting) && Text.IsSpace(text.AsSpan(start)) ? text[..start] : text;
    }

    private void SkipComment()
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0) throw new JinjaException("a comment {# is not closed", _line);
        _line += Text.Count(_source.AsSpan(_at..end), '\n');
        char sign = end > _at ? _source[end - 1] : '\0';
        _at = end + 2;
        EndTag(sign, trimBlock: true);
    }

    private void ReadTag(char kind)
    {
        bool block = kind == '%';
        Add(block ? TokenKind.BlockBegin : TokenKind.VariableBegin, "");
        string close = block ? "%}" : "}}";
        int open = 0;
        while (true)
        {
            while (_at < _source.Length && Text.IsSpace(_source[_at])) Advance();
            if (_at >= _source.Length) throw new JinjaException($"a tag is not closed with {close}", _line);
            if (open == 0 && IsClose(close, out char sign))
            {
                Add(block ? TokenKind.BlockEnd : TokenKind.VariableEnd, "");
                EndTag(sign, trimBlock: block);
                return;
            }

            ReadToken(ref open);
        }
    }

    private bool IsClose(string close, out char sign)
    {
        sign = _source[_at];
        int at = sign == '-' || (sign == '+' && close == "%}") ? _at + 1 : _at;
        if (string.CompareOrdinal(_source, at, close, 0, 2) != 0) return false;
        if (at == _at) sign = '\0';
        _at = at + 2;
        return true;
    }

    private void EndTag(char sign, bool trimBlock)
    {
        int start = _at;
        if (sign == '-')
        {
            while (_at < _source.Length && Text.IsSpace(_source[_at])) Advance();
        }
        else if (trimBlock && sign != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            Advance();
        }

        _lineStarting = _at > start && _source[_at - 1] == '\n';
    }

    private void ReadToken(ref int open)
    {
        char c = _source[_at];
        if (c is '\'' or '"')
        {
            ReadString(c);
        }
        else if (char.IsAsciiDigit(c))
        {
            ReadNumber();
        }
        else if (char.IsLetter(c) || c == '_')
        {
            int start = _at;
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_')) _at++;
            if (_at - start > MaxNameLength) throw new JinjaException($"has a name of more than {MaxNameLength} characters", _line);
            Add(TokenKind.Name, _source[start.._at]);
        }
        else
        {
            string op = Array.Find(Operators, op => string.CompareOrdinal(_source, _at, op, 0, op.Length) == 0)
                ?? throw new JinjaException($"unexpected character '{c}'", _line);
            if (op is "(" or "[" or "{") open++;
            if (op is ")" or "]" or "}")
            {
                open--;
                if (open < 0) throw new JinjaException($"'{op}' closes nothing", _line);
            }

            Add(TokenKind.Operator, op);
            _at += op.Length;
        }
    }

    private void ReadNumber()
    {
        int start = _at;
        while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '_')) _at++;
        bool isFloat = false;
        if (_at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]))
        {
            isFloat = true;
            _at++;
            while (_at < _source.Length && char.IsAsciiDigit(_source[_at])) _at++;
        }

        bool hasExponent = _at + 1 < _source.Length && _source[_at] is 'e' or 'E';
        int exponent = hasExponent ? _at + (_source[_at + 1] is '+' or '-' ? 2 : 1) : _source.Length;
        if (exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
        {
            isFloat = true;
            _at = exponent;
            while (_at < _source.Length && char.IsAsciiDigit(_source[_at])) _at++;
        }

        Add(isFloat ? TokenKind.Float : TokenKind.Integer, _source[start.._at].Replace("_", "", StringComparison.Ordinal));
    }

    private void ReadString(char quote)
    {
        int line = _line;
        var text = new StringBuilder();
        for (Advance(); _at < _source.Length; Advance())
        {
            char c = _source[_at];
            if (c == quote)
            {
                Advance();
                _tokens.Add(new Token(TokenKind.String, text.ToString(), line));
                return;
            }

            if (c != '\\')
            {
                text.Append(c);
                continue;
            }

            Advance();
            if (_at >= _source.Length) break;
            ReadEscape(text);
        }

        throw new JinjaException("a string is not closed", line);
    }

    private void ReadEscape(StringBuilder text)
    {
        char c = _source[_at];
        if (c is >= '0' and <= '7')
        {
            int end = _at + 1, octal = c - '0';
            for (; end < _at + 3 && end < _source.Length && _source[end] is >= '0' and <= '7'; end++)
                octal = (8 * octal) + _source[end] - '0';
            text.Append((char)octal);
            _at = end - 1;
            return;
        }

        int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            if (_at + digits >= _source.Length || !TryReadHex(_source.AsSpan(_at + 1, digits), out uint value))
                throw new JinjaException($"a string has a broken \\{c} escape", _line);
            if (value > 0xFFFF) text.Append(char.ConvertFromUtf32((int)value));
            else text.Append((char)value);
            _at += digits;
            return;
        }

        switch (c)
        {
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case 'a': text.Append('\a'); break;
            case '\n': break;
            case '\\' or '\'' or '"': text.Append(c); break;
            default: text.Append('\\').Append(c); break;
        }
    }

    private static bool TryReadHex(ReadOnlySpan<char> digits, out uint codePoint) =>
        uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out codePoint) && codePoint <= 0x10FFFF;

    private void AddText(string kept, string read)
    {
        if (kept.Length > 0) Add(TokenKind.Text, kept);
        _line += Text.Count(read, '\n');
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new Token(kind, text, _line));

    private void Advance()
    {
        if (_source[_at] == '\n') _line++;
        _at++;
    }
}
