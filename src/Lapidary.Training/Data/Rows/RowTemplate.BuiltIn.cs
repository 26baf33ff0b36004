namespace Lapidary.Training;

/// <content>Templates for the columns of well-known data sets.</content>
public sealed partial record RowTemplate
{
    /// <summary>The option value for <see cref="TextToSql"/>.</summary>
    public const string TextToSqlName = "text-to-sql";

    /// <summary>Text to SQL as in Google's guide "Fine-tune Gemma using Hugging Face Transformers and QLoRA": its exact user prompt, over
    /// the columns of its data set (sql_prompt, sql_context, sql). The guide's code leaves out its system message, and so does this
    /// template.</summary>
    public static RowTemplate TextToSql { get; } = new(
        System: null,
        User: new PromptTemplate(SqlQuestion("{sql_context}\n", "{sql_prompt}")),
        Assistant: new PromptTemplate("{sql}"));

    /// <summary>Columns instruction, input and output of Stanford's Alpaca: the instruction, followed by the input if present.</summary>
    public static RowTemplate Alpaca { get; } = new(
        System: null,
        User: new PromptTemplate("{instruction}{?input}\n\n{input}{/input}"),
        Assistant: new PromptTemplate("{output}"));

    /// <summary>Columns instruction, context and response of Databricks' Dolly: the instruction, followed by the context if
    /// present.</summary>
    public static RowTemplate Dolly { get; } = new(
        System: null,
        User: new PromptTemplate("{instruction}{?context}\n\n{context}{/context}"),
        Assistant: new PromptTemplate("{response}"));

    /// <summary>Columns system_prompt, question and response of OpenOrca; an empty system prompt adds no message.</summary>
    public static RowTemplate Orca { get; } = new(
        System: new PromptTemplate("{?system_prompt}{system_prompt}{/system_prompt}"),
        User: new PromptTemplate("{question}"),
        Assistant: new PromptTemplate("{response}"));

    /// <summary>Column conversations of ShareGPT: messages of from and value, unchanged.</summary>
    public static RowTemplate ShareGpt { get; } = new(
        System: null, User: new PromptTemplate("{conversations}"), Assistant: new PromptTemplate(""))
    {
        MessagesColumn = "conversations",
    };

    /// <summary>Columns question and query of Spider, in the guide's words. The schema consists of those columns that a copy of the set
    /// has: db_id, schema, context, "Schema (values (type))", "Primary Keys" and "Foreign Keys".</summary>
    public static RowTemplate Spider { get; } = new(
        System: null,
        User: new PromptTemplate(SqlQuestion(
            Line("db_id", "Database: ") + Line("schema", "") + Line("context", "") + Line("Schema (values (type))", "")
            + Line("Primary Keys", "Primary keys: ") + Line("Foreign Keys", "Foreign keys: "),
            "{question}")),
        Assistant: new PromptTemplate("{query}"));

    /// <summary>The built-in templates by name, in the order in which they are compared with columns.</summary>
    internal static IReadOnlyDictionary<string, RowTemplate> BuiltIn { get; } = new OrderedDictionary<string, RowTemplate>
    {
        [TextToSqlName] = TextToSql,
        ["alpaca"] = Alpaca,
        ["dolly"] = Dolly,
        ["orca"] = Orca,
        ["sharegpt"] = ShareGpt,
        ["spider"] = Spider,
    };

    /// <summary>"text-to-sql, alpaca, …".</summary>
    internal static string Names => string.Join(", ", BuiltIn.Keys);

    /// <summary>The column with whole conversations, which replaces the three texts.</summary>
    internal string? MessagesColumn { get; private init; }

    /// <summary>The built-in template whose columns all exist, or null.</summary>
    internal static string? Like(Func<string, bool> hasColumn) => BuiltIn
        .FirstOrDefault(entry => entry.Value.User.RequiredColumns.Concat(entry.Value.Assistant.RequiredColumns).All(hasColumn)).Key;

    /// <summary>The guide's question, verbatim.</summary>
    private static string SqlQuestion(string schema, string question) =>
        "Given the <USER_QUERY> and the <SCHEMA>, generate the corresponding SQL command to retrieve the desired data, "
        + "considering the query's syntax, semantics, and schema constraints.\n\n"
        + $"<SCHEMA>\n{schema}</SCHEMA>\n\n<USER_QUERY>\n{question}\n</USER_QUERY>\n";

    /// <summary>A line for an optional column.</summary>
    private static string Line(string column, string title) => $"{{?{column}}}{title}{{{column}}}\n{{/{column}}}";
}
