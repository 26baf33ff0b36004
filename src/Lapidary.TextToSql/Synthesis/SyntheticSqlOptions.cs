namespace Lapidary.TextToSql;

/// <summary>Which rows are generated. The same options give the same rows on every machine.</summary>
public sealed record SyntheticSqlOptions
{
    /// <summary>Determines all choices. Row i depends on the seed and on i: the first rows of many are the rows of few.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Names of the domains to draw from; empty for all.</summary>
    public IReadOnlyList<string> Domains { get; init; } = [];

    /// <summary>Names of the domains to leave out.</summary>
    public IReadOnlyList<string> ExcludedDomains { get; init; } = [];

    /// <summary>Complexities to draw, as <see cref="SyntheticSql.Complexities"/> names them; empty for all.</summary>
    public IReadOnlyList<string> Complexities { get; init; } = [];

    /// <summary>Whether domains are those for training, those for testing, or all. The two have no schema, no table and no set of column
    /// names in common.</summary>
    public SyntheticSplit Split { get; init; }
}

/// <summary>Which domains rows are from.</summary>
public enum SyntheticSplit
{
    /// <summary>All domains.</summary>
    All,

    /// <summary>Domains for training.</summary>
    Train,

    /// <summary>Domains for testing.</summary>
    Test,
}
