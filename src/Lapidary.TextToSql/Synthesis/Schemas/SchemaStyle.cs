using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Schemas;

/// <summary>How one schema writes names and types.</summary>
internal sealed record SchemaStyle
{
    private readonly bool _isPascal, _isPlural, _hasShortKeys;
    private readonly string _text, _integer, _real;

    public SchemaStyle(Dice dice)
    {
        _isPascal = dice.Chance(15);
        _isPlural = dice.Chance(75);
        _hasShortKeys = dice.Chance(45);
        _text = dice.Pick("TEXT", "VARCHAR(50)", "VARCHAR(100)", "VARCHAR(255)");
        _integer = dice.Pick("INTEGER", "INT");
        _real = dice.Pick("REAL", "FLOAT", "DECIMAL(10, 2)");
        InlineReferences = dice.Chance(50);
        NamesColumns = dice.Chance(45);
        WordsForFlags = dice.Chance(50);
        HasConstraints = dice.Chance(40);
    }

    /// <summary>Whether foreign keys are declared beside their column, not at the end.</summary>
    public bool InlineReferences { get; }

    /// <summary>Whether INSERT lists the columns.</summary>
    public bool NamesColumns { get; }

    /// <summary>Whether a flag is TRUE and FALSE, not 1 and 0.</summary>
    public bool WordsForFlags { get; }

    /// <summary>Whether columns without NULL are declared as such.</summary>
    public bool HasConstraints { get; }

    public string TableName(TableSpec table) => Cased(
        !_isPlural ? table.SqlName
        : table.SqlName == table.Id ? table.Plural.Replace(' ', '_').Replace('-', '_')
        : English.Plural(table.SqlName));

    public string KeyName(TableSpec table) => _hasShortKeys ? Cased("id") : Cased($"{table.SqlName}_id");

    public string ReferenceName(TableSpec parent) => Cased($"{parent.SqlName}_id");

    public string Cased(string name) =>
        _isPascal ? string.Concat(name.Split('_').Select(word => $"{char.ToUpperInvariant(word[0])}{word[1..]}")) : name;

    public string TypeOf(ColumnKind kind) => kind switch
    {
        ColumnKind.Real => _real,
        ColumnKind.Date => "DATE",
        ColumnKind.Flag => "BOOLEAN",
        ColumnKind.Label or ColumnKind.Category or ColumnKind.Words => _text,
        _ => _integer,
    };
}
