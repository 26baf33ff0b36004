namespace Lapidary.TextToSql.Names;

/// <summary>What a word may be at a place.</summary>
internal sealed class WordChoice
{
    /// <summary>Longest new name; longer ones are a model that repeats itself.</summary>
    private const int LongestName = 64;

    /// <summary>Longest new name before its table is known, unless it begins as a table does.</summary>
    private const int LongestEarlyName = 4;

    /// <summary>Keywords.</summary>
    public required string[] Keywords { get; init; }

    /// <summary>Names that stand for a value, or for a table where one comes.</summary>
    public List<NameSet> Values { get; } = [];

    /// <summary>Names with a dot behind them.</summary>
    public List<NameSet> Qualifiers { get; } = [];

    /// <summary>Whether an operand may stand here: also a call.</summary>
    public bool HasOperands { get; init; }

    /// <summary>Whether any text may stand here in double quotes.</summary>
    public bool HasTexts { get; init; }

    /// <summary>Whether any new name may stand here.</summary>
    public bool IsNew { get; init; }

    /// <summary>Whether keywords may stand where a new name may; then those without a place here are no names.</summary>
    public bool MustDiffer { get; init; }

    /// <summary>The tables that come later, where they do: a short new name may stand here, which one of them or a subquery gets.</summary>
    public NameSet? LaterTables { get; init; }

    /// <summary>Whether some word begins so.</summary>
    /// <param name="part">Its letters so far.</param>
    /// <param name="quote">Its quote; '\0' without.</param>
    public bool MayBegin(string part, char quote)
    {
        bool isQuoted = quote != '\0';
        return (HasTexts && quote == '"') || (IsNew && part.Length <= LongestName && !IsMisplaced(part, isQuoted))
            || Values.Concat(Qualifiers).Any(names => names.HasBeginning(part, isQuoted))
            || (LaterTables is not null && (part.Length < LongestEarlyName || IsEarly(part, isQuoted)))
            || (!isQuoted && ((HasOperands && SqlVocabulary.Functions.HasBeginning(part, isQuoted))
                || Array.Exists(Keywords, word => word.StartsWith(part, StringComparison.Ordinal))));
    }

    /// <summary>Whether a whole name stands for a value.</summary>
    public bool IsValue(string name, char quote) => (HasTexts && quote == '"')
        || Values.Exists(names => names.Has(name, quote != '\0')) || IsEarly(name, quote != '\0');

    /// <summary>Whether a whole name may be a qualifier.</summary>
    public bool IsQualifier(string name, bool isQuoted) => Qualifiers.Exists(names => names.Has(name, isQuoted)) || IsEarly(name, isQuoted)
        || LaterTables?.HasBeginning(name, isQuoted: true) == true;

    /// <summary>Whether a whole name may be a new one.</summary>
    public bool IsNewName(string name, bool isQuoted) => IsNew && name.Length > 0 && !IsMisplaced(name, isQuoted);

    private bool IsMisplaced(string name, bool isQuoted) =>
        MustDiffer && !isQuoted && SqlVocabulary.Keywords.Contains(name) && !Keywords.Contains(name);

    private bool IsEarly(string name, bool isQuoted) =>
        LaterTables is not null && name.Length is > 0 and <= LongestEarlyName && (isQuoted || SqlVocabulary.IsPlain(name));
}
