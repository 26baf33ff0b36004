namespace Lapidary.TextToSql.Queries;

/// <summary>SQL without what does not count in it: blanks, comments, the quotes of names, upper and lower case. Texts stay as they
/// are.</summary>
internal static class SqlWords
{
    /// <summary>Of a text.</summary>
    public static string Of(string sql) => Of(SqlTokenizer.Tokens(sql));

    /// <summary>Of some tokens.</summary>
    public static string Of(IEnumerable<SqlToken> tokens) => string.Join(' ', tokens.Select(token => token.Kind switch
    {
        SqlTokenKind.Text => $"'{token.Value}'",
        SqlTokenKind.Blob => $"x'{token.Value.ToUpperInvariant()}'",
        _ => token.Value.ToUpperInvariant(),
    }));
}
