using System.Collections.Frozen;
using Lapidary.TextToSql.Asking.Files;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Names;

/// <summary>Words of SQL by what stands around them, in small letters.</summary>
internal static class SqlVocabulary
{
    /// <summary>Begin a query.</summary>
    public static readonly string[] Queries = Words("select values with");

    /// <summary>Begin another statement.</summary>
    public static readonly string[] OtherStatements = Words("alter create delete drop insert replace update");

    /// <summary>Begin an operand, or stand before one.</summary>
    public static readonly FrozenSet<string> BeforeOperand = Set(
        "all case cast current_date current_time current_timestamp distinct exists false not null select true values with");

    /// <summary>Begin what stands in parentheses, beside those.</summary>
    public static readonly FrozenSet<string> Opening = Set("groups order partition range rows where");

    /// <summary>End a FROM clause, or a list of results without one.</summary>
    public static readonly FrozenSet<string> EndFrom = Set("except group having intersect limit order union where window");

    /// <summary>Stand between tables.</summary>
    public static readonly FrozenSet<string> Joins = Set("cross full inner join left natural outer right");

    /// <summary>Behind these words an operand may be complete.</summary>
    public static readonly FrozenSet<string> Complete = Set(
        "asc current_date current_time current_timestamp desc end false first following isnull last notnull null others preceding row ties "
        + "true");

    /// <summary>Behind these words a name stands that is none of the schema.</summary>
    public static readonly FrozenSet<string> BeforeNew = Set("collate over window");

    /// <summary>All keywords of queries.</summary>
    public static readonly string[] Keywords =
    [
        .. BeforeOperand.Union(Opening).Union(EndFrom).Union(Joins).Union(Complete).Union(BeforeNew).Union(Words(
            "and as between by current else escape exclude filter from glob in is like match materialized no nulls offset on or recursive "
            + "regexp then unbounded using when")),
    ];

    private static readonly FrozenSet<string> Reserved = Set(
        "asc by cast cross desc distinct else end exists false filter full glob inner left like natural outer over partition right true "
        + "window with");

    /// <summary>Functions that may be called.</summary>
    public static NameSet Functions { get; } = NameSet.Of(AllowedFunctions.All);

    /// <summary>Whether a name can stand without quotes.</summary>
    public static bool IsPlain(string name) => name.Length > 0 && name[0] != '$' && !char.IsAsciiDigit(name[0]) && name.All(IsLetter)
        && !SqlName.IsKeyword(name) && !Reserved.Contains(name);

    /// <summary>Whether a character is part of words.</summary>
    public static bool IsLetter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' || c >= 0x80;

    private static string[] Words(string words) => words.Split(' ');

    private static FrozenSet<string> Set(string words) => Words(words).ToFrozenSet(StringComparer.Ordinal);
}
