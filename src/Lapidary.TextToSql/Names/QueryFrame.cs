using System.Collections.Immutable;

namespace Lapidary.TextToSql.Names;

/// <summary>Parts of a query, by the names that have a place there.</summary>
internal enum Clause
{
    /// <summary>Nothing yet, or parentheses without a query.</summary>
    None,

    /// <summary>A WITH clause.</summary>
    With,

    /// <summary>The results of a query, whose tables are not known yet.</summary>
    Results,

    /// <summary>A table comes.</summary>
    Table,

    /// <summary>A table has come; its alias may come.</summary>
    Alias,

    /// <summary>The condition of a join.</summary>
    On,

    /// <summary>Behind the tables.</summary>
    Rest,
}

/// <summary>A table in a FROM clause.</summary>
/// <param name="Name">Its alias, or its name without one; empty where it has none.</param>
/// <param name="Columns">Null where they are not known: those of a subquery.</param>
/// <param name="HasAlias">Whether an alias was given.</param>
internal sealed record QuerySource(string Name, NameSet? Columns, bool HasAlias = false);

/// <summary>A statement, a subquery or other parentheses.</summary>
internal sealed record QueryFrame
{
    /// <summary>What it stands in.</summary>
    public QueryFrame? Outer { get; init; }

    /// <summary>What has a place now.</summary>
    public Clause Clause { get; init; }

    /// <summary>Whether it is a query.</summary>
    public bool IsQuery { get; init; }

    /// <summary>Whether it stands where a table does.</summary>
    public bool IsTable { get; init; }

    /// <summary>Whether all words in it are new names.</summary>
    public bool IsNewNames { get; init; }

    /// <summary>Whether other queries stand before it, with UNION; ORDER BY may name what they have.</summary>
    public bool IsCompound { get; init; }

    /// <summary>Its tables.</summary>
    public ImmutableArray<QuerySource> Sources { get; init; } = [];

    /// <summary>Names of its results, which the results themselves do not know.</summary>
    public ImmutableArray<string> Results { get; init; } = [];

    /// <summary>Whether the last table stands there twice, so it needs an alias.</summary>
    public bool NeedsAlias => Clause == Clause.Alias && Sources is [.. var others, { HasAlias: false } last] && Has(others, last.Name);

    /// <summary>Whether a name is that of a table other than the last one.</summary>
    public bool IsTaken(string name) => Has(Sources[..^1], name);

    private static bool Has(ImmutableArray<QuerySource> sources, string name) =>
        name.Length > 0 && sources.Any(source => source.Name == name);
}
