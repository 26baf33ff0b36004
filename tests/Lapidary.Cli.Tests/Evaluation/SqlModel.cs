using System.Text.Json;
using Lapidary.Tests;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Tests.Evaluation;

/// <summary>A tiny model that can be asked for SQL (untrained, so that its answers are noise), and rows with their queries.</summary>
internal static class SqlModel
{
    private static readonly Lazy<string> Written = new(() =>
    {
        string folder = Fixtures.TemporaryFolder();
        TinyGemma.Write(folder);
        return folder;
    });

    /// <summary>The model, with tokenizer and chat template.</summary>
    public static string Folder => Written.Value;

    /// <summary>Rows whose reference has a result.</summary>
    public static IReadOnlyList<TextToSqlRow> Rows { get; } =
    [
        Row("How many pets are there?", "SELECT COUNT(*) FROM pets"),
        Row("Which pets weigh more than 4?", "SELECT name FROM pets WHERE weight > 4"),
        Row("Name all pets by weight.", "SELECT name FROM pets ORDER BY weight"),
        Row("What does the heaviest pet weigh?", "SELECT MAX(weight) FROM pets"),
        Row("Which kinds are there?", "SELECT DISTINCT kind FROM pets"),
    ];

    /// <summary>A file of rows in the guide's columns.</summary>
    public static string Write(string folder, string name, IEnumerable<TextToSqlRow> rows) =>
        TinyModel.WriteLines(folder, name, rows.Select((row, i) => JsonSerializer.Serialize(new
        {
            sql_prompt = row.SqlPrompt,
            sql_context = row.SqlContext,
            sql = row.Sql,
            complexity = i < 2 ? "basic" : "other",
        })));

    private static TextToSqlRow Row(string question, string sql) => new(
        question,
        "CREATE TABLE pets (name TEXT, kind TEXT, weight REAL); INSERT INTO pets VALUES ('Rex', 'dog', 9.5), ('Tom', 'cat', 4.5), "
        + "('Jerry', 'mouse', 0.1);",
        sql);
}
