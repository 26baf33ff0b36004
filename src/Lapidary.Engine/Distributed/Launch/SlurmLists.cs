using System.Globalization;
using System.Text.RegularExpressions;

namespace Lapidary.Engine.Distributed.Launch;

/// <summary>Slurm's short forms of lists: "gpu[03-05,7],c1" and "2(x3),1".</summary>
internal static partial class SlurmLists
{
    /// <summary>The names that a list of nodes stands for, in its order.</summary>
    public static IEnumerable<string> Nodes(string list)
    {
        int depth = 0, start = 0;
        for (int i = 0; i <= list.Length; i++)
        {
            if (i < list.Length && list[i] == '[') depth++;
            else if (i < list.Length && list[i] == ']') depth--;
            else if (i == list.Length || (list[i] == ',' && depth == 0))
            {
                foreach (string name in Expand(list[start..i].Trim())) yield return name;
                start = i + 1;
            }
        }
    }

    /// <summary>How many tasks a node has, or null.</summary>
    /// <param name="list">SLURM_STEP_TASKS_PER_NODE.</param>
    /// <param name="node">From 0 on.</param>
    public static int? TasksOfNode(string list, int node)
    {
        foreach (string entry in list.Split(','))
        {
            var match = Repeated().Match(entry.Trim());
            if (!match.Success) return null;
            node -= match.Groups[2].Success ? int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : 1;
            if (node < 0) return int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        }

        return null;
    }

    private static IEnumerable<string> Expand(string name)
    {
        int open = name.IndexOf('['), close = name.IndexOf(']');
        if (open < 0 || close < open)
        {
            if (name.Length > 0) yield return name;
            yield break;
        }

        foreach (string range in name[(open + 1)..close].Split(','))
            foreach (string number in Numbers(range))
                foreach (string rest in Expand(name[(close + 1)..]).DefaultIfEmpty(""))
                    yield return name[..open] + number + rest;
    }

    /// <summary>"03-05" → 03, 04, 05: as wide as the first.</summary>
    private static IEnumerable<string> Numbers(string range)
    {
        if (range.Split('-') is not [var from, var to] || !int.TryParse(from, NumberStyles.None, null, out int first)
            || !int.TryParse(to, NumberStyles.None, null, out int last))
        {
            yield return range;
            yield break;
        }

        for (int i = first; i <= last; i++) yield return i.ToString(CultureInfo.InvariantCulture).PadLeft(from.Length, '0');
    }

    [GeneratedRegex(@"^(\d{1,9})(?:\(x(\d{1,9})\))?$")]
    private static partial Regex Repeated();
}
