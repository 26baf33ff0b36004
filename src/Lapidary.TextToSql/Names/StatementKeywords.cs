namespace Lapidary.TextToSql.Names;

/// <content>Keywords of a query.</content>
internal sealed partial record StatementState
{
    /// <summary>After a keyword; null where it has no place.</summary>
    private StatementState? Keyword(string word)
    {
        var next = this with { Place = word == "as" ? Place.As : Place.Keyword, Last = word };
        if (Place == Place.Start && IsLoose && SqlVocabulary.OtherStatements.Contains(word)) return next;
        if (Place == Place.As && Top.Clause == Clause.With) return word is "not" or "materialized" ? next with { Place = Place.As } : null;
        bool isPlaced = Place == Place.Keyword || IsQueryWord(word) || (Place == Place.Open && SqlVocabulary.Opening.Contains(word))
            || (SqlVocabulary.BeforeOperand.Contains(word) ? TakesOperand || (word == "not" && IsComplete) : IsComplete);
        if (!isPlaced || (Top.NeedsAlias && word != "as")) return null;
        switch (word)
        {
            case "select" or "values" or "with":
                return IsQueryWord(word) ? next.Query(word) : null;
            case "as":
                return IsComplete && Top is not { Clause: Clause.Alias, Sources: [.., { HasAlias: true }] } ? next : null;
            case "recursive":
                return Last == "with" ? next : null;
            case "from" when Place != Place.Keyword || Last != "distinct": // the others are "a IS DISTINCT FROM b"
                return Top is { IsQuery: true, Clause: Clause.Results } && IsComplete ? next.WithResults(Clause.Table) : null;
            case "on" or "using":
                return Top.Clause == Clause.Alias ? next.In(Clause.On) : null;
        }

        if (SqlVocabulary.Joins.Contains(word))
        {
            if (Top.Clause is not (Clause.Alias or Clause.On) || !(IsComplete || SqlVocabulary.Joins.Contains(Last))) return null;
            return word == "join" ? next.In(Clause.Table) : next;
        }

        if (Top.IsQuery && SqlVocabulary.EndFrom.Contains(word))
            return IsComplete && Top.Clause is not (Clause.Table or Clause.With) ? next.WithResults(Clause.Rest) : null;
        return Top.Clause is Clause.With or Clause.Table or Clause.Alias ? null : next;
    }

    private StatementState In(Clause clause) => this with { Top = Top with { Clause = clause } };

    /// <summary>The names of results are known from here on.</summary>
    private StatementState WithResults(Clause clause) => this with
    {
        Known = Known.AddRange(Top.Results),
        Top = Top with { Clause = clause, Results = [], IsCompound = Top.IsCompound || Last is "union" or "except" or "intersect" },
    };

    private bool IsQueryWord(string word) => SqlVocabulary.Queries.Contains(word) && Place switch
    {
        Place.Start => true,
        Place.Open => !Top.IsNewNames,
        Place.Operand => Top.Clause == Clause.With && word != "with",
        Place.Keyword => Top is { IsCompound: true, Clause: Clause.Rest } && Last is "union" or "except" or "intersect" or "all",
        _ => false,
    };

    private StatementState Query(string word)
    {
        var clause = word switch { "select" => Clause.Results, "with" => Clause.With, _ => Clause.Rest };
        return this with { Top = Top with { IsQuery = true, Clause = clause, Sources = [] } };
    }
}
