using Lapidary.Formats;
using Lapidary.TextToSql.Synthesis;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Shapes;

namespace Lapidary.TextToSql;

/// <summary>Generated text-to-SQL rows: questions over small databases of many domains. Every query was run on its context: it has an
/// answer, and simpler queries have another one. No two rows have the same question about the same tables.</summary>
public static class SyntheticSql
{
    /// <summary>Rows that are made together, by all cores.</summary>
    private const int ChunkRows = 256;

    /// <summary>Names of the domains; those for training come first.</summary>
    public static IReadOnlyList<string> Domains { get; } = [.. DomainFile.All.Select(domain => domain.Name)];

    /// <summary>Names of the complexities, as in the guide's data set.</summary>
    public static IReadOnlyList<string> Complexities => ShapeTable.Complexities;

    /// <summary>Generates rows, when they are requested.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="options">Which; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    /// <exception cref="LapidaryException">A domain or complexity does not exist, or none is left.</exception>
    public static IEnumerable<TextToSqlRow> Rows(
        int count, SyntheticSqlOptions? options = null, CancellationToken cancellationToken = default) =>
        Draw(count, options ?? new(), cancellationToken).Select(row => row.Row);

    /// <summary>Generates rows with what is known of them.</summary>
    internal static IEnumerable<SyntheticRow> Draw(int count, SyntheticSqlOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        foreach (string complexity in options.Complexities) Check("Complexities", complexity, Complexities);
        return Draw(count, new RowMaker(DomainsOf(options), [.. options.Complexities], options.Seed), cancellationToken);
    }

    /// <summary>The domains that rows are drawn from.</summary>
    internal static IReadOnlyList<DomainSpec> DomainsOf(SyntheticSqlOptions options)
    {
        foreach (string domain in options.Domains) Check("Domains", domain, Domains);
        foreach (string domain in options.ExcludedDomains) Check("ExcludedDomains", domain, Domains);
        DomainSpec[] domains = [.. Left(options)];
        return domains.Length > 0 ? domains : throw new LapidaryException(
            "Generated rows: expected at least one domain, found none that Domains, ExcludedDomains and Split leave; change one of them.");
    }

    /// <summary>Whether options leave a domain.</summary>
    internal static bool HasDomains(SyntheticSqlOptions options) => Left(options).Any();

    private static IEnumerable<DomainSpec> Left(SyntheticSqlOptions options) => DomainFile.All.Where(domain =>
        (options.Domains.Count == 0 || options.Domains.Contains(domain.Name)) && !options.ExcludedDomains.Contains(domain.Name)
        && (options.Split == SyntheticSplit.All || domain.IsTest == (options.Split == SyntheticSplit.Test)));

    private static IEnumerable<SyntheticRow> Draw(int count, RowMaker maker, CancellationToken cancellationToken)
    {
        var seen = new HashSet<UInt128>();
        for (int start = 0; start < count; start += ChunkRows)
        {
            int first = start;
            var rows = new SyntheticRow[Math.Min(ChunkRows, count - start)];
            Parallel.For(
                0, rows.Length, new ParallelOptions { CancellationToken = cancellationToken }, i => rows[i] = maker.Make(first + i));
            for (int i = 0; i < rows.Length; i++)
            {
                while (!seen.Add(rows[i].Identity)) rows[i] = maker.Make(first + i, rows[i].Attempt + 1);
                yield return rows[i];
            }
        }
    }

    private static void Check(string property, string name, IReadOnlyList<string> known)
    {
        if (known.Contains(name)) return;
        string hint = NearestName.Of(name, known) is { } near ? $"did you mean {near}?" : $"there are {string.Join(", ", known)}.";
        throw new LapidaryException($"{property}: expected a known name, found {name}; {hint}");
    }
}
