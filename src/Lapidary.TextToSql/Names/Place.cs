namespace Lapidary.TextToSql.Names;

/// <summary>What the last token of a statement was.</summary>
internal enum Place
{
    /// <summary>There was none.</summary>
    Start,

    /// <summary>A keyword.</summary>
    Keyword,

    /// <summary>A word or a quoted name that is none.</summary>
    Name,

    /// <summary>A number, a text, or a closing parenthesis.</summary>
    Operand,

    /// <summary>A *, which stands for columns or multiplies.</summary>
    Star,

    /// <summary>The dot behind a qualifier.</summary>
    Dot,

    /// <summary>An opening parenthesis.</summary>
    Open,

    /// <summary>A comma.</summary>
    Comma,

    /// <summary>An operator.</summary>
    Operator,

    /// <summary>The word AS.</summary>
    As,
}
