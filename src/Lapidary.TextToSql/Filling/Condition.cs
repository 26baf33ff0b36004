namespace Lapidary.TextToSql.Filling;

/// <summary>What a query asks of a column: an operator and a constant.</summary>
/// <param name="Operator">=, !=, &lt;, &lt;=, &gt;, &gt;=, LIKE; PREFIX where a part of the column is compared.</param>
/// <param name="Value">long, double or string.</param>
internal sealed record Condition(string Operator, object Value);
