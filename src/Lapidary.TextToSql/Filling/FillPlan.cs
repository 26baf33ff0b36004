namespace Lapidary.TextToSql.Filling;

/// <summary>How one of the random databases of a row differs from the others.</summary>
/// <param name="Rows">Rows of a table, from and to.</param>
/// <param name="Hits">Share of rows that are made to meet the query's conditions.</param>
/// <param name="Nulls">Share of NULLs in columns that allow them and are no keys.</param>
/// <param name="Words">How many different texts a column has: few make duplicates and ties.</param>
/// <param name="Range">How many different numbers a column has.</param>
/// <param name="Strays">Share of values that refer to no row, where no declared foreign key forbids it.</param>
internal sealed record FillPlan((int From, int To) Rows, double Hits, double Nulls, int Words, int Range, double Strays)
{
    private static readonly FillPlan[] Plans =
    [
        new((10, 18), Hits: 0.5, Nulls: 0, Words: 4, Range: 40, Strays: 0.1),
        new((3, 6), Hits: 0.7, Nulls: 0, Words: 3, Range: 8, Strays: 0),
        new((24, 40), Hits: 0.3, Nulls: 0, Words: 12, Range: 1000, Strays: 0.1),
        new((8, 14), Hits: 0.5, Nulls: 0.12, Words: 5, Range: 12, Strays: 0.15),
    ];

    /// <summary>The plan of a database, by number.</summary>
    public static FillPlan Of(int number) => Plans[number % Plans.Length];
}
