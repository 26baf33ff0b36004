using System.Collections.Immutable;

namespace Lapidary.TextToSql.Names;

/// <summary>A query up to a token: what may come next, and what follows from it. Immutable.</summary>
/// <remarks>It watches names, and as much of the grammar as tells which names are meant.</remarks>
/// <param name="Schema">The names of the tables.</param>
/// <param name="Top">The innermost parentheses.</param>
internal sealed partial record StatementState(SchemaNames Schema, QueryFrame Top)
{
    private (StatementState Of, WordChoice Choice)? _choice; // a copy by "with" takes it along

    /// <summary>Whether other statements may stand here, which are not watched, and texts in double quotes.</summary>
    public bool IsLoose { get; init; }

    /// <summary>What the last token was.</summary>
    public Place Place { get; init; }

    /// <summary>The last word, in small letters.</summary>
    public string Last { get; init; } = "";

    /// <summary>Names of results of subqueries and WITH clauses.</summary>
    public ImmutableArray<string> Known { get; init; } = [];

    /// <summary>Names of the tables of WITH clauses.</summary>
    public ImmutableArray<string> Ctes { get; init; } = [];

    /// <summary>Whether the last name may stand for a value, call a function, or be a qualifier.</summary>
    public (bool IsValue, bool IsCall, bool IsQualifier) Role { get; init; }

    /// <summary>What a word may be here.</summary>
    public WordChoice Choice
    {
        get
        {
            if (_choice is { } known && ReferenceEquals(known.Of, this)) return known.Choice;
            var choice = Choose();
            _choice = (this, choice);
            return choice;
        }
    }

    /// <summary>Whether it is another statement, so that anything may follow.</summary>
    public bool IsOther => !Top.IsQuery && Top.Outer is null && Place == Place.Keyword;

    /// <summary>Whether a dot may follow the last name.</summary>
    public bool TakesDot => Place == Place.Name && Role.IsQualifier;

    /// <summary>Whether the query may end.</summary>
    public bool MayEnd => Top.Outer is null && Top.IsQuery && MayClose;

    private bool MayClose => IsComplete && Top.Clause is not (Clause.Table or Clause.With) && !Top.NeedsAlias;

    /// <summary>Whether an operand or a table is complete.</summary>
    private bool IsComplete => Place switch
    {
        Place.Name => Role.IsValue,
        Place.Operand or Place.Star => true,
        Place.Keyword => SqlVocabulary.Complete.Contains(Last),
        _ => false,
    };

    /// <summary>Whether an operand may come.</summary>
    private bool TakesOperand => Place switch
    {
        Place.Keyword => !SqlVocabulary.BeforeNew.Contains(Last) && Top.Clause is Clause.None or Clause.Results or Clause.On or Clause.Rest,
        Place.Comma or Place.Open => Top.Clause is not (Clause.With or Clause.Table) && !Top.IsNewNames,
        Place.Operator or Place.Star => true,
        _ => false,
    };

    /// <summary>After a number or a text.</summary>
    public StatementState? Operand() =>
        TakesOperand || (Place == Place.As && Top.Clause == Clause.Results) ? this with { Place = Place.Operand } : null;

    /// <summary>After an operator or punctuation.</summary>
    public StatementState? Symbol(char symbol) => symbol switch
    {
        '(' => Open(),
        ')' => Close(),
        ',' => IsComplete ? Comma() : null,
        '.' => TakesDot ? this with { Place = Place.Dot } : null,
        '*' when Place == Place.Dot || (TakesOperand && Place is not (Place.Operator or Place.Star)) => this with { Place = Place.Star },
        '-' or '+' or '~' when TakesOperand => this with { Place = Place.Operator },
        _ when Top.Clause is Clause.With or Clause.Table or Clause.Alias => null,
        _ => IsComplete || Place == Place.Operator ? this with { Place = Place.Operator } : null,
    };

    private StatementState? Comma() => Top switch
    {
        { NeedsAlias: true } or { Clause: Clause.Table } => null,
        { Clause: Clause.Alias or Clause.On } => this with { Place = Place.Comma, Top = Top with { Clause = Clause.Table } },
        _ => this with { Place = Place.Comma },
    };

    private StatementState? Open()
    {
        var inner = new QueryFrame { Outer = Top };
        if (Top.IsNewNames || (Place == Place.Name && !Role.IsCall && Top.Clause != Clause.With)) return null;
        if (Place is Place.Start or Place.Dot or Place.Operand) return null;
        if (Top.Clause == Clause.Table) inner = inner with { Clause = Clause.Table, IsTable = true };
        if (Top.Clause == Clause.With && Place != Place.As) inner = inner with { IsNewNames = true };
        return this with { Top = inner, Place = Place.Open };
    }

    private StatementState? Close()
    {
        if (Top.Outer is not { } outer || !(MayClose || (Place == Place.Open && Top.Clause == Clause.None && !Top.IsNewNames))) return null;
        if (Top.IsTable)
        {
            QuerySource[] sources = Top.IsQuery ? [new QuerySource("", null)] : [.. Top.Sources];
            outer = outer with { Clause = Clause.Alias, Sources = outer.Sources.AddRange(sources) };
        }

        return this with { Top = outer, Known = Known.AddRange(Top.Results), Place = Place.Operand };
    }
}
