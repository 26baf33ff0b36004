using System.Text;
using System.Text.RegularExpressions;

namespace Lapidary.TextToSql.Queries;

/// <summary>What Spider's test suite does to a query before it runs it.</summary>
internal static partial class TestSuiteForm
{
    /// <summary>Closes operators that are written in two parts, takes 2020 for this year, and deletes every DISTINCT.</summary>
    public static string Of(string sql)
    {
        sql = sql.Replace("> =", ">=", StringComparison.Ordinal).Replace("< =", "<=", StringComparison.Ordinal)
            .Replace("! =", "!=", StringComparison.Ordinal);
        sql = ThisYear().Replace(sql, "2020");
        var text = new StringBuilder();
        int from = 0;
        foreach (var token in SqlTokenizer.Tokens(sql).Where(token => token.Is("distinct")))
        {
            text.Append(sql, from, token.Start - from);
            from = token.End;
        }

        return text.Append(sql, from, sql.Length - from).ToString();
    }

    /// <summary>Whether the order of rows counts there: by these words anywhere in the reference, also in a sub-query or a text.</summary>
    public static bool OrderMatters(string reference) => reference.Contains("order by", StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", RegexOptions.IgnoreCase)]
    private static partial Regex ThisYear();
}
