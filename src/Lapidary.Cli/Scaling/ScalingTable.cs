namespace Lapidary.Cli.Scaling;

/// <summary>The same step with other numbers of ranks and other links.</summary>
internal static class ScalingTable
{
    private const int NameWidth = 12, CellWidth = 15;

    private static readonly int[] Ranks = [2, 4, 8, 64, 512];

    /// <summary>Every sensible pair of a link and a number of ranks, link by link.</summary>
    public static IEnumerable<(Link Link, ScaledStep Step)> Of(ScalingPlan plan) =>
        from link in LinksOf(plan)
        from ranks in Ranks
        where IsSensible(plan, link, ranks)
        select (link, StepOf(plan, link, ranks));

    /// <summary>The same as a table of exchange and efficiency.</summary>
    public static IEnumerable<string> Lines(ScalingPlan plan)
    {
        yield return "ms that exchanges add, and speed per rank as a share of one rank's alone:";
        yield return "link".PadRight(NameWidth) + string.Concat(Ranks.Select(ranks => $"{ranks} ranks".PadLeft(CellWidth)));
        foreach (var link in LinksOf(plan))
            yield return link.Name.PadRight(NameWidth) + string.Concat(Ranks.Select(ranks => Cell(plan, link, ranks).PadLeft(CellWidth)));
    }

    private static string Cell(ScalingPlan plan, Link link, int ranks)
    {
        if (!IsSensible(plan, link, ranks)) return "–";
        var step = StepOf(plan, link, ranks);
        return $"{step.ExchangeSeconds * 1000:N1}, {step.Efficiency:P0}";
    }

    /// <summary>The named links, and the plan's if it is another; CPUs have only the plan's.</summary>
    private static IReadOnlyList<Link> LinksOf(ScalingPlan plan)
    {
        if (!plan.IsGpu) return [plan.Link];
        return Link.All.Contains(plan.Link) ? Link.All : [.. Link.All, plan.Link];
    }

    /// <summary>Links inside a node do not connect nodes, and networks are needed only between nodes; a bandwidth may be of
    /// either.</summary>
    private static bool IsSensible(ScalingPlan plan, Link link, int ranks) =>
        !Link.All.Contains(link) || link.JoinsNodes == ExchangeCost.NodesOf(ranks, plan.RanksPerNode) > 1;

    private static ScaledStep StepOf(ScalingPlan plan, Link link, int ranks) =>
        plan.Step.Alone.Across(ExchangeCost.Of(ranks, plan.RanksPerNode, link));
}
