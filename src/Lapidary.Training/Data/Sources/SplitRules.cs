using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Sources;

/// <summary>Finds the splits of files by their names, if the card names none. The rules are those of Hugging Face's datasets: the first
/// rule that finds a split for any file applies to all files.</summary>
internal static partial class SplitRules
{
    private static readonly (string Split, Regex Word)[] Words =
    [
        (SplitPart.TrainName, TrainWord()), (SplitPart.ValidationName, ValidationWord()), (SplitPart.TestName, TestWord()),
    ];

    /// <summary>The splits: train, validation and test first, then others by name.</summary>
    /// <param name="files">Relative to the data set, with "/", in order.</param>
    /// <param name="place">The name in errors.</param>
    /// <exception cref="LapidaryException">The split of a numbered file has an invalid name.</exception>
    public static IReadOnlyList<DataSplit> Of(IReadOnlyList<string> files, string place)
    {
        if (Numbered(files, place) is { Count: > 0 } numbered) return numbered;
        if (ByWord(files, Folders) is { Count: > 0 } byFolder) return byFolder;
        if (ByWord(files, file => [file[(file.LastIndexOf('/') + 1)..]]) is { Count: > 0 } byName) return byName;
        return files.Count == 0 ? [] : [new(SplitPart.TrainName, files)];
    }

    /// <summary>Whether a text is a valid name of a split.</summary>
    public static bool IsName(string text) => SplitName().IsMatch(text);

    /// <summary>data/train-00000-of-00002.parquet: the split may have any name, such as train_sft.</summary>
    private static List<DataSplit> Numbered(IReadOnlyList<string> files, string place)
    {
        var bySplit = files.Select(file => (File: file, Match: NumberedName().Match(file))).Where(pair => pair.Match.Success)
            .ToLookup(pair => pair.Match.Groups[1].Value, pair => pair.File);
        if (bySplit.FirstOrDefault(split => !IsName(split.Key)) is { } wrong)
        {
            throw new LapidaryException($"{place}: expected a split's name of letters, digits, \"_\" and \".\", found \"{wrong.Key}\" "
                + $"({wrong.First()}); name the files by a pattern.");
        }

        int Order(string split) => Array.FindIndex(Words, word => word.Split == split) is >= 0 and var index ? index : Words.Length;
        return [.. bySplit.OrderBy(split => Order(split.Key)).ThenBy(split => split.Key, StringComparer.Ordinal)
            .Select(split => new DataSplit(split.Key, [.. split]))];
    }

    /// <summary>A file whose name has words of several splits belongs to each of them.</summary>
    private static List<DataSplit> ByWord(IReadOnlyList<string> files, Func<string, IEnumerable<string>> names) =>
        [.. Words.Select(word => new DataSplit(word.Split, [.. files.Where(file => names(file).Any(word.Word.IsMatch))]))
            .Where(split => split.Files.Count > 0)];

    private static IEnumerable<string> Folders(string file) => file.Split('/')[..^1];

    [GeneratedRegex(@"\Adata/([^/]+)-[0-9]{5}-of-[0-9]{5}[^/.]*\.[^/]*\z")]
    private static partial Regex NumberedName();

    [GeneratedRegex(@"\A\w+(?:\.\w+)*\z")]
    private static partial Regex SplitName();

    [GeneratedRegex("(?:^|[-._ 0-9])(?:train|training)(?:$|[-._ 0-9])")]
    private static partial Regex TrainWord();

    [GeneratedRegex("(?:^|[-._ 0-9])(?:validation|valid|dev|val)(?:$|[-._ 0-9])")]
    private static partial Regex ValidationWord();

    [GeneratedRegex("(?:^|[-._ 0-9])(?:test|testing|eval|evaluation)(?:$|[-._ 0-9])")]
    private static partial Regex TestWord();
}

/// <summary>A split's files.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Files">Relative to the data set, with "/", in reading order.</param>
internal sealed record DataSplit(string Name, IReadOnlyList<string> Files);
