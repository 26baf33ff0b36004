namespace Lapidary.TextToSql;

/// <summary>What happens while a question is answered.</summary>
public abstract record AskUpdate
{
    private AskUpdate()
    {
    }

    /// <summary>The model begins a query.</summary>
    /// <param name="Number">1, or more after queries that failed.</param>
    /// <param name="Most">Most queries.</param>
    public sealed record Begins(int Number, int Most) : AskUpdate;

    /// <summary>A piece of what the model writes.</summary>
    /// <param name="Text">The piece; it may have the fence of a code block.</param>
    public sealed record Writes(string Text) : AskUpdate;

    /// <summary>The query is complete and runs.</summary>
    /// <param name="Sql">The query, without fences and text around it.</param>
    public sealed record Runs(string Sql) : AskUpdate;

    /// <summary>It gave no rows.</summary>
    /// <param name="Error">Why, in one line.</param>
    /// <param name="IsLast">Whether the model does not try again.</param>
    public sealed record Fails(string Error, bool IsLast) : AskUpdate;
}
