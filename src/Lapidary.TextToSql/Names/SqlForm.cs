using System.Text;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Names;

/// <summary>The form of a query whose words are those of SQL and of a schema, alone or in a fenced block. Comments, parameters, blobs and
/// hexadecimal numbers have no place in it.</summary>
internal sealed record SqlForm : ITextForm
{
    /// <summary>The form of queries about tables.</summary>
    public SqlForm(SchemaNames schema) => State = new StatementState(schema, new QueryFrame());

    /// <summary>The form of answers that are scored: statements other than queries are free, and texts may stand in double quotes, as
    /// SQLite takes them there.</summary>
    /// <param name="context">The statements that make the tables.</param>
    /// <returns>Null if they fail.</returns>
    public static SqlForm? OfAnswers(string context)
    {
        using var database = new GuardedDatabase(new GuardLimits());
        if (database.Build(context) is not null) return null;
        var form = new SqlForm(SchemaNames.Of(database));
        return form with { State = form.State with { IsLoose = true } };
    }

    private enum Mode
    {
        Begin,
        Fence,
        FenceLine,
        Between,
        Word,
        Quoted,
        Text,
        TextEnd,
        Number,
        End,
        EndFence,
        Other,
    }

    private StatementState State { get; init; }

    private Mode Lex { get; init; }

    /// <summary>Of a word, a number or a fence.</summary>
    private string Part { get; init; } = "";

    private char Quote { get; init; }

    /// <summary>The last byte, between tokens.</summary>
    private char Last { get; init; }

    private bool IsFenced { get; init; }

    /// <inheritdoc/>
    public bool MayEnd => Lex switch
    {
        Mode.End or Mode.Other => true,
        Mode.Between or Mode.Word or Mode.Number or Mode.TextEnd => Ended()?.MayEnd == true,
        _ => false,
    };

    /// <summary>Whether a text has the form.</summary>
    /// <param name="sql">The text.</param>
    /// <param name="isCut">Whether only its beginning is known.</param>
    public bool Has(string sql, bool isCut)
    {
        SqlForm? form = this;
        foreach (byte next in Encoding.UTF8.GetBytes(sql))
        {
            form = form.After(next);
            if (form is null) return false;
        }

        return isCut || form.MayEnd;
    }

    /// <inheritdoc/>
    ITextForm? ITextForm.After(byte next) => After(next);

    /// <summary>The form of the rest after a byte; null where it has no place.</summary>
    public SqlForm? After(byte next)
    {
        char c = (char)next;
        switch (Lex)
        {
            case Mode.Begin:
                return IsBlank(c) ? this : c == '`' ? this with { Lex = Mode.Fence, Part = "`" } : Between(c);
            case Mode.Fence:
                return c != '`' ? null : Part.Length == 2 ? this with { Lex = Mode.FenceLine, IsFenced = true } : this with { Part = "``" };
            case Mode.FenceLine:
                return c is '\n' or ' ' ? this with { Lex = Mode.Between } : char.IsAsciiLetterOrDigit(c) ? this : null;
            case Mode.Between:
                return Between(c);
            case Mode.Word:
                return SqlVocabulary.IsLetter(c) ? Longer(c) : Settle()?.Between(c);
            case Mode.Quoted:
                return Quoted(c);
            case Mode.Text:
                return c == '\'' ? this with { Lex = Mode.TextEnd } : this;
            case Mode.TextEnd:
                return c == '\'' ? this with { Lex = Mode.Text } : Settle()?.Between(c);
            case Mode.Number:
                return Number(c) ?? (SqlVocabulary.IsLetter(c) || c == '.' ? null : Settle()?.Between(c));
            case Mode.Other:
                return this;
            case Mode.EndFence:
                return c != '`' ? null : Part.Length == 2 ? this with { Lex = Mode.End } : this with { Part = "``" };
            default:
                if (IsBlank(c)) return this;
                return c == '`' && IsFenced && Last == ';' ? this with { Lex = Mode.EndFence, Part = "`", Last = c } : null;
        }
    }

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\n' or '\r';

    private SqlForm? Between(char c)
    {
        if (State.IsOther) return this with { Lex = Mode.Other };
        if (IsBlank(c)) return Lex == Mode.Between && Last == ' ' ? this : this with { Lex = Mode.Between, Last = ' ' };
        if (c is '"' or '`' or '[')
        {
            bool mayBegin = State.Choice.MayBegin("", c) || (c == '`' && IsFenced && State.MayEnd);
            return mayBegin ? this with { Lex = Mode.Quoted, Part = "", Quote = c } : null;
        }

        if (c == '\'') return State.Operand() is null ? null : this with { Lex = Mode.Text };
        if (char.IsAsciiDigit(c) || (c == '.' && !State.TakesDot))
            return State.Operand() is null ? null : this with { Lex = Mode.Number, Part = char.IsAsciiDigit(c) ? "1" : "." };
        if (SqlVocabulary.IsLetter(c) && c != '$') return (this with { Lex = Mode.Word, Part = "", Quote = '\0' }).Longer(c);
        if (c == ';') return State.MayEnd ? this with { Lex = Mode.End, Last = c } : null;
        if (!"()*.,+-/%<>=!|&~".Contains(c) || (c == '-' && Last == '-') || (c == '*' && Last == '/')) return null;
        return State.Symbol(c) is { } state ? this with { State = state, Lex = Mode.Between, Last = c } : null;
    }

    private SqlForm? Longer(char c)
    {
        string part = Part + NameSet.Small(c);
        return State.Choice.MayBegin(part, Quote) ? this with { Part = part } : null;
    }

    private SqlForm? Quoted(char c)
    {
        char close = Quote == '[' ? ']' : Quote;
        if (c != close) return Longer(c);
        if (Part.Length == 0) return c == '`' && IsFenced && State.MayEnd ? this with { Lex = Mode.EndFence, Part = "``" } : null;
        return State.Word(Part, Quote) is { } state ? this with { State = state, Lex = Mode.Between, Last = c } : null;
    }

    /// <summary>The part of a number is a sketch of it: 1 for digits, then what stands once.</summary>
    private SqlForm? Number(char c)
    {
        if (char.IsAsciiDigit(c)) return this with { Part = Part[^1] == '1' ? Part : Part + '1' };
        return (c, Part) switch
        {
            ('.', "1") => this with { Part = "1." },
            ('e' or 'E', "1" or "1." or "1.1" or ".1") => this with { Part = Part + 'e' },
            ('+' or '-', [.., 'e']) => this with { Part = Part + c },
            _ => null,
        };
    }

    private StatementState? Ended() => Lex switch
    {
        Mode.Word => State.Word(Part, '\0'),
        Mode.TextEnd => State.Operand(),
        Mode.Number => Part[^1] is '1' or '.' && Part != "." ? State.Operand() : null,
        _ => State,
    };

    private SqlForm? Settle() => Ended() is { } state ? this with { State = state, Lex = Mode.Between, Last = '\0' } : null;
}
