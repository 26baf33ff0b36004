namespace Lapidary.TextToSql.Names;

/// <content>Words and names of a query.</content>
internal sealed partial record StatementState
{
    /// <summary>Whether a name may stand here that is none of the schema.</summary>
    private bool IsNew => Place switch
    {
        Place.As => Top.Clause != Clause.With,
        Place.Open or Place.Comma when Top.IsNewNames => true,
        Place.Keyword when SqlVocabulary.BeforeNew.Contains(Last) => true,
        Place.Keyword or Place.Comma when Top.Clause == Clause.With => true,
        Place.Name or Place.Operand when Top.Clause == Clause.Alias => !Top.Sources[^1].HasAlias,
        Place.Operand => Top is { Clause: Clause.Results, IsQuery: true },
        _ => false,
    };

    /// <summary>After a word.</summary>
    /// <param name="word">In small letters, or what stands between quotes.</param>
    /// <param name="quote">Its quote; '\0' without.</param>
    public StatementState? Word(string word, char quote)
    {
        bool isQuoted = quote != '\0';
        if (!isQuoted && Choice.Keywords.Contains(word)) return Keyword(word);
        bool isValue = Choice.IsValue(word, quote);
        bool isCall = !isQuoted && Choice.HasOperands && SqlVocabulary.Functions.Has(word, isQuoted);
        bool isQualifier = Choice.IsQualifier(word, isQuoted);
        if (isValue || isCall || isQualifier)
        {
            var next = this with { Place = Place.Name, Last = word, Role = (isValue, isCall, isQualifier) };
            return Top.Clause == Clause.Table ? next.Table(word) : next;
        }

        return Choice.IsNewName(word, isQuoted) ? New(word) : null;
    }

    private StatementState Table(string name)
    {
        var source = new QuerySource(name, Ctes.Contains(name) ? null : Schema.ColumnsOf(name));
        return this with { Top = Top with { Clause = Clause.Alias, Sources = Top.Sources.Add(source) } };
    }

    private StatementState? New(string name)
    {
        // DECIMAL(10, 2) is the one new name with parentheses.
        var next = this with { Place = Place.Name, Last = name, Role = (true, Place == Place.As && !Top.IsQuery, false) };
        if (Top.IsNewNames) return next with { Known = Known.Add(name) };
        switch (Top.Clause)
        {
            case Clause.With:
                return next with { Ctes = Ctes.Add(name) };
            case Clause.Results when Top.IsQuery:
                return next with { Top = Top with { Results = Top.Results.Add(name) } };
            case Clause.Alias when Top.IsTaken(name):
                return null;
            case Clause.Alias:
                var source = Top.Sources[^1] with { Name = name, HasAlias = true };
                return next with { Top = Top with { Sources = Top.Sources.SetItem(Top.Sources.Length - 1, source) } };
            default:
                return next;
        }
    }

    private WordChoice Choose()
    {
        string[] keywords = Place == Place.Start ? [.. SqlVocabulary.Queries, .. SqlVocabulary.OtherStatements] : SqlVocabulary.Keywords;
        bool isOpen = false;
        for (var frame = Top; frame is not null; frame = frame.Outer) isOpen |= frame is { IsQuery: true, Clause: Clause.Results };
        bool hasOperands = TakesOperand && !IsNew;
        var choice = new WordChoice
        {
            Keywords = Array.FindAll(keywords, word => Keyword(word) is not null),
            IsNew = IsNew,
            MustDiffer = Place is Place.Name or Place.Operand,
            HasOperands = hasOperands,
            HasTexts = hasOperands && IsLoose,
            LaterTables = hasOperands && isOpen ? Schema.Tables : null,
        };
        if (Place == Place.Dot) choice.Values.AddRange(ColumnsOf(Last));
        else if (hasOperands) AddOperands(choice, isOpen);
        else if (Top.Clause == Clause.Table && Place is Place.Keyword or Place.Comma or Place.Open)
            choice.Values.AddRange([Schema.Tables, NameSet.OfKept(Ctes)]);
        return choice;
    }

    private void AddOperands(WordChoice choice, bool isOpen)
    {
        choice.Values.Add(NameSet.OfKept(Known));
        bool hasAll = isOpen;
        for (var frame = Top; frame is not null; frame = frame.Outer)
        {
            hasAll |= frame.IsCompound || frame.Sources.Any(source => source.Columns is null);
            choice.Values.AddRange(frame.Sources.Select(source => source.Columns).OfType<NameSet>());
            choice.Qualifiers.Add(NameSet.OfKept(frame.Sources.Select(source => source.Name)));
        }

        if (hasAll) choice.Values.Add(Schema.Columns);
        if (isOpen) choice.Qualifiers.AddRange([Schema.Tables, NameSet.OfKept(Ctes)]);
    }

    private NameSet[] ColumnsOf(string qualifier)
    {
        NameSet[] unknown = [Schema.Columns, NameSet.OfKept(Known)];
        for (var frame = Top; frame is not null; frame = frame.Outer)
        {
            var found = frame.Sources.FirstOrDefault(source => source.Name == qualifier);
            if (found is not null) return found.Columns is { } columns ? [columns] : unknown;
        }

        return !Ctes.Contains(qualifier) && Schema.ColumnsOf(qualifier) is { } own ? [own] : unknown;
    }
}
