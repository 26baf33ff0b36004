using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>All shapes, and how often each kind is drawn.</summary>
internal static class ShapeTable
{
    /// <summary>Of a hundred rows, by complexity as the guide's data set names it.</summary>
    private static readonly (string Complexity, int Weight, IReadOnlyList<Shape> Shapes)[] Groups =
    [
        ("basic SQL", 22, BasicShapes.All),
        ("basic SQL", 6, WriteShapes.All),
        ("aggregation", 20, AggregationShapes.All),
        ("single join", 16, JoinShapes.All),
        ("multiple_joins", 9, MultiJoinShapes.All),
        ("subqueries", 11, SubqueryShapes.All),
        ("window functions", 7, WindowShapes.All),
        ("set operations", 5, SetShapes.All),
        ("CTEs", 4, CteShapes.All),
    ];

    /// <summary>All shapes.</summary>
    public static IReadOnlyList<Shape> All { get; } = [.. Groups.SelectMany(group => group.Shapes)];

    /// <summary>The names of the complexities.</summary>
    public static IReadOnlyList<string> Complexities { get; } = [.. Groups.Select(group => group.Complexity).Distinct()];

    /// <summary>Draws a shape of some complexities.</summary>
    public static Shape Draw(Dice dice, IReadOnlyCollection<string> complexities)
    {
        var groups = Array.FindAll(Groups, group => complexities.Count == 0 || complexities.Contains(group.Complexity));
        int place = dice.Below(groups.Sum(group => group.Weight));
        foreach (var (_, weight, shapes) in groups)
        {
            if (place < weight) return dice.Pick(shapes);
            place -= weight;
        }

        throw new InvalidOperationException("The weights have changed.");
    }
}
