namespace Lapidary.TextToSql.Queries;

/// <summary>Kinds of tokens; blanks and comments are none.</summary>
internal enum SqlTokenKind
{
    /// <summary>A keyword or a name without quotes.</summary>
    Word,

    /// <summary>A name in double quotes, which SQLite also takes for a text, in backticks or in brackets.</summary>
    QuotedName,

    /// <summary>A text in single quotes.</summary>
    Text,

    /// <summary>A number without a sign.</summary>
    Number,

    /// <summary>x'00ff'.</summary>
    Blob,

    /// <summary>?, ?1, :name, @name, $name.</summary>
    Parameter,

    /// <summary>An operator of one or two characters, or punctuation.</summary>
    Symbol,
}

/// <summary>A token of SQL.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Without quotes; words and symbols as written.</param>
/// <param name="Start">Place of its first character.</param>
/// <param name="End">Place after its last character.</param>
/// <param name="Depth">How many parentheses are open around it; those themselves count as outside.</param>
internal readonly record struct SqlToken(SqlTokenKind Kind, string Value, int Start, int End, int Depth)
{
    /// <summary>Stands before the first and behind the last one; it is nothing that can be asked for.</summary>
    public static readonly SqlToken None = new(SqlTokenKind.Symbol, "", 0, 0, 0);

    /// <summary>Whether it is a word without quotes, in any case.</summary>
    public bool Is(string word) => Kind == SqlTokenKind.Word && Value.Equals(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it is this operator or punctuation.</summary>
    public bool IsSymbol(string symbol) => Kind == SqlTokenKind.Symbol && Value == symbol;

    /// <summary>Whether it may name something.</summary>
    public bool IsName => Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName;
}
