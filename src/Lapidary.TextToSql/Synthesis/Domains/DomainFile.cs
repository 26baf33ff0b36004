using System.Globalization;
using System.Text.RegularExpressions;

namespace Lapidary.TextToSql.Synthesis.Domains;

/// <summary>The domains, read from the project's own text files.</summary>
internal static partial class DomainFile
{
    private static readonly Lazy<IReadOnlyList<DomainSpec>> Domains =
        new(() => [.. Parse(Read("train.txt"), isTest: false), .. Parse(Read("test.txt"), isTest: true)]);

    /// <summary>All domains; those for training come first.</summary>
    public static IReadOnlyList<DomainSpec> All => Domains.Value;

    /// <summary>Reads domains.</summary>
    /// <exception cref="FormatException">A line has no meaning.</exception>
    public static IReadOnlyList<DomainSpec> Parse(string text, bool isTest)
    {
        var domains = new List<DomainSpec>();
        List<TableSpec> tables = [];
        List<ParentSpec> parents = [];
        List<ColumnSpec> columns = [];
        foreach (string line in text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (DomainLine().Match(line) is { Success: true } domain)
            {
                tables = [];
                domains.Add(new(domain.Groups["name"].Value, domain.Groups["text"].Value, isTest, tables));
            }
            else if (TableLine().Match(line) is { Success: true } table)
            {
                (parents, columns) = ([], []);
                string id = table.Groups["id"].Value;
                tables.Add(new(
                    id, id.Replace('_', ' '), table.Groups["plural"].Value, table.Groups["who"].Success,
                    table.Groups["as"] is { Success: true } name ? name.Value : id, parents, columns));
            }
            else if (ParentLine().Match(line) is { Success: true } parent)
            {
                parents.Add(new(parent.Groups["id"].Value, parent.Groups["phrase"].Value));
            }
            else if (ColumnLine().Match(line) is { Success: true } column)
            {
                columns.Add(Column(column));
            }
            else
            {
                throw new FormatException(line);
            }
        }

        return domains;
    }

    private static ColumnSpec Column(Match match)
    {
        string[] names = match.Groups["names"].Value.Split('/');
        string[] noun = match.Groups["noun"].Value.Split('|');
        string kind = match.Groups["kind"].Value;
        string[] rest = match.Groups["rest"].Value.Trim().Split(", ", 2);
        string words = rest[0].Trim();
        string? clause = rest.Length > 1 ? rest[1] : null;
        string[]? nulls = match.Groups["null"] is { Success: true } text ? text.Value.Split('|') : null;
        bool isLabel = match.Groups["label"].Success;
        string[] range = RangeOf().Match(words) is { Success: true } found ? [found.Groups[1].Value, found.Groups[2].Value] : [];
        var spec = new ColumnSpec(
            names,
            isLabel ? ColumnKind.Label : KindOf(kind),
            noun[0].Length > 0 ? noun[0] : null,
            noun.Length > 1 ? noun[1] : match.Groups["ending"].Value is { Length: > 0 } ending ? noun[0] + ending : null,
            kind is "person" or "city" or "country" or "company" or "street" or "words" or "email" or "code" ? kind : "",
            kind switch { "list" => words.Split("; "), "pick" => words.Split('|'), "code" => [words], _ => [] },
            range.Length > 0 ? double.Parse(range[0], CultureInfo.InvariantCulture) : 0,
            range.Length > 0 ? double.Parse(range[1], CultureInfo.InvariantCulture) : 0,
            kind switch { "money" or "num2" => 2, "num1" => 1, _ => 0 },
            kind == "money" ? "dollars" : range.Length > 0 ? RangeOf().Replace(words, "").Trim() : "",
            kind == "flag" ? words.Split('|')[0] : clause, kind == "flag" ? words.Split('|')[1] : null, nulls?[0], nulls?[1]);
        return spec;
    }

    private static ColumnKind KindOf(string kind) => kind switch
    {
        "pick" or "city" or "country" or "company" or "person" => ColumnKind.Category,
        "words" or "email" or "street" or "code" or "list" => ColumnKind.Words,
        "count" => ColumnKind.Count,
        "int" => ColumnKind.Integer,
        "big" => ColumnKind.Large,
        "money" or "num1" or "num2" => ColumnKind.Real,
        "year" => ColumnKind.Year,
        "date" => ColumnKind.Date,
        "flag" => ColumnKind.Flag,
        _ => throw new FormatException(kind),
    };

    private static string Read(string name)
    {
        using var stream = typeof(DomainFile).Assembly.GetManifestResourceStream($"Assets/Domains/{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^domain (?<name>[^:]+): (?<text>.+)$")]
    private static partial Regex DomainLine();

    [GeneratedRegex(@"^table (?<id>\w+)\|(?<plural>[^|]+?)(?<who>\|who)?( as (?<as>\w+))?$")]
    private static partial Regex TableLine();

    [GeneratedRegex(@"^> (?<id>\w+): (?<phrase>.+)$")]
    private static partial Regex ParentLine();

    [GeneratedRegex("""
        ^(?<label>\*)?(?<names>[\w/]+)(\ "(?<noun>[^"]+)"(?<ending>\w+)?)?\ =\ (?<kind>\w+)(?<rest>[^?]*?)(\ \?(?<null>[^"]+))?$
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex ColumnLine();

    [GeneratedRegex(@"^(-?[\d.]+?)\.\.([\d.]+)")]
    private static partial Regex RangeOf();
}
