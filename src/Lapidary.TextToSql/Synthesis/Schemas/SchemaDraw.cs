using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Schemas;

/// <summary>Draws tables of a domain: which of them, which of their columns, under which names, with which rows.</summary>
internal sealed class SchemaDraw(DomainSpec domain, Dice dice)
{
    private const int MostTables = 4;

    /// <summary>By the number of tables: how many of a hundred columns a table has, and the rows of a table and of a child. Most rows
    /// of the data set so have fewer than the guide's 512 tokens.</summary>
    private static readonly (int Share, (int Least, int Most) Rows, (int Least, int Most) ChildRows)[] Sizes =
        [(75, (5, 7), (5, 8)), (45, (4, 5), (4, 6)), (25, (3, 3), (4, 5)), (20, (3, 3), (3, 4))];

    private readonly SchemaStyle _style = new(dice);
    private readonly List<DrawnTable> _tables = [];

    /// <summary>Draws a schema.</summary>
    /// <param name="leastTables">Number of tables that a question needs.</param>
    /// <returns>Null if the domain has fewer tables that belong together.</returns>
    public Schema? Draw(int leastTables)
    {
        var chosen = Choose(leastTables);
        if (chosen.Count < leastTables) return null;
        foreach (var table in domain.Tables.Where(chosen.Contains)) _tables.Add(Draw(table, chosen.Count));
        return new(domain, _tables, _style);
    }

    /// <summary>A table, and tables that are related to those that are chosen.</summary>
    private HashSet<TableSpec> Choose(int least)
    {
        int extra = dice.Below(20) switch { < 15 => 0, < 19 => 1, _ => 2 };
        int most = Math.Min(Math.Min(MostTables, domain.Tables.Count), least + extra);
        var chosen = new HashSet<TableSpec> { dice.Pick(domain.Tables) };
        while (chosen.Count < most)
        {
            var left = domain.Tables.Where(table => !chosen.Contains(table));
            TableSpec[] related = [.. left.Where(table => chosen.Any(other => AreRelated(table, other)))];
            if (related.Length == 0) break;
            chosen.Add(dice.Pick(related));
        }

        return chosen;
    }

    private static bool AreRelated(TableSpec a, TableSpec b) =>
        a.Parents.Any(parent => parent.Table == b.Id) || b.Parents.Any(parent => parent.Table == a.Id);

    private DrawnTable Draw(TableSpec table, int tables)
    {
        var (share, few, children) = Sizes[tables - 1];
        List<DrawnColumn> columns = [new(null, _style.KeyName(table), 0, ColumnKind.Key, _style.TypeOf(ColumnKind.Key), "ID")];
        foreach (var parent in table.Parents)
        {
            if (_tables.Find(drawn => drawn.Spec.Id == parent.Table) is not { } drawn) continue;
            columns.Add(new(
                null, _style.ReferenceName(drawn.Spec), columns.Count, ColumnKind.Reference, _style.TypeOf(ColumnKind.Reference),
                $"{drawn.Singular} ID")
            {
                Parent = drawn,
                Phrase = parent.Phrase,
            });
        }

        var (labels, others) = (
            table.Columns.Where(column => column.Kind == ColumnKind.Label), table.Columns.Where(column => column.Kind != ColumnKind.Label));
        ColumnSpec[] all = [.. others];
        var kept = all.Where(_ => dice.Chance(share)).ToHashSet();
        while (kept.Count < Math.Min(tables < 3 ? 2 : 1, all.Length)) kept.Add(dice.Pick(all));
        foreach (var spec in labels.Concat(all.Where(kept.Contains)))
        {
            string name = dice.Pick(spec.Names);
            string cased = _style.Cased(name);
            if (columns.Any(column => column.Name == cased)) cased = _style.Cased(spec.Names[0]);
            string noun = spec.Noun ?? name.Replace('_', ' ');
            if (spec.Kind == ColumnKind.Flag && noun.Split(' ', 2) is ["is" or "has" or "was", var rest]) noun = rest;
            if (spec.Kind == ColumnKind.Count) noun = $"number of {spec.NounPlural ?? English.Plural(noun)}";
            columns.Add(new(spec, cased, columns.Count, spec.Kind, _style.TypeOf(spec.Kind), noun));
        }

        var (least, most) = columns.Exists(column => column.Kind == ColumnKind.Reference) ? children : few;
        int count = dice.Between(least, most);
        if (columns.Find(column => column.Spec?.Pool == "" && column is { Kind: ColumnKind.Label, Spec.Values.Count: > 1 }) is { } list)
            count = Math.Min(count, list.Spec!.Values.Count);
        return new(table, _style.TableName(table), columns, new RowDraw(columns, dice).Draw(count));
    }
}

/// <summary>The tables of one row of the data set.</summary>
/// <param name="Domain">Where they are from.</param>
/// <param name="Tables">Parents before children.</param>
/// <param name="Style">How names are written.</param>
internal sealed record Schema(DomainSpec Domain, IReadOnlyList<DrawnTable> Tables, SchemaStyle Style)
{
    /// <summary>Statements that create the tables, then statements that fill them.</summary>
    public string Script { get; } = string.Join(
        ' ', [.. Tables.Select(table => SchemaScript.Create(table, Style)), .. Tables.Select(table => SchemaScript.Fill(table, Style))]);

    /// <summary>A value in SQL.</summary>
    public string Literal(object? value) => SchemaScript.Literal(value, Style);
}
