using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Sources;

/// <summary>Files whose names include their total number: train-00000-of-00003.parquet.</summary>
internal static partial class NumberedFiles
{
    /// <summary>Refuses an incomplete set of numbered files, as after an interrupted download: training on a part would look like training
    /// on all.</summary>
    /// <exception cref="LapidaryException">A file is missing.</exception>
    public static void RequireAll(string place, IReadOnlyList<string> files)
    {
        var groups = files.Select(file => Pattern().Match(file)).Where(match => match.Success)
            .GroupBy(match => (match.Groups["name"].Value, match.Groups["count"].Value));
        foreach (var group in groups)
        {
            int expected = int.Parse(group.Key.Item2, CultureInfo.InvariantCulture);
            int found = group.Select(match => match.Groups["number"].Value).Distinct().Count();
            if (found >= expected) continue;
            throw new LapidaryException(
                $"{place}: expected all {expected} files {group.Key.Item1}-…-of-{group.Key.Item2}, found {found} in the cache; "
                + " fetch the others once while the Hub can be reached.");
        }
    }

    [GeneratedRegex(@"\A(?<name>.+)-(?<number>[0-9]{5})-of-(?<count>[0-9]{5})[^/]*\z")]
    private static partial Regex Pattern();
}
