using System.IO.Enumeration;
using System.Text.RegularExpressions;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>The files of a data set by what they are for.</summary>
/// <param name="Train">To train on: all files where none of them names a split.</param> <param name="Validation">To evaluate on.</param>
/// <param name="Test">For a test after training, which no training sees.</param> <param name="Others">Files of no split beside some that
/// have one.</param>
/// <remarks>The rules are those of Hugging Face's datasets for folders: data/SPLIT-00000-of-00001, then names of folders, then names of
/// files; a word counts where it stands alone.</remarks>
internal sealed partial record SplitFiles(
    IReadOnlyList<string> Train, IReadOnlyList<string> Validation, IReadOnlyList<string> Test, int Others)
{
    /// <summary>More names than any data set has: the path is another one.</summary>
    private const int MaxFiles = 100_000;

    // What stands beside data files and is none.
    private static readonly string[] Descriptions =
        ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "README.json"];

    /// <summary>What an evaluation reads, where the path was given for one.</summary>
    public IReadOnlyList<string> ForEvaluation => Validation.Count > 0 ? Validation : Test.Count > 0 ? Test : Train;

    /// <summary>What the files are used for, on one line; null where there are no splits.</summary>
    public string? Describe(bool usesValidation)
    {
        if (Validation.Count + Test.Count + Others == 0) return null;
        static string Files(int count) => count == 1 ? "1 file" : $"{count} files";
        string used = $"splits: train {Files(Train.Count)}";
        if (Validation.Count > 0) used += $", validation {Files(Validation.Count)} ({(usesValidation ? "evaluated on" : "not used")})";
        if (Test.Count > 0) used += $", test {Files(Test.Count)} (not used)";
        return Others > 0 ? $"{used}, {Files(Others)} of no split (not used)" : used;
    }

    /// <summary>One file or pipe, the data files of a folder and of those in it, or those that a pattern with * and ? in its last part
    /// matches; in ordinal order.</summary>
    /// <exception cref="LapidaryException">Nothing is there.</exception>
    public static SplitFiles Find(string path)
    {
        if (path.Length == 0) throw new LapidaryException("\"\": expected the path of a data set, found none; check the path.");
        if (File.Exists(path)) return Whole([path]);
        if (Directory.Exists(path)) return OfFolder(path, [.. Walk(path).Order(StringComparer.Ordinal)]);
        string pattern = Path.GetFileName(path);
        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        if (!pattern.AsSpan().ContainsAny('*', '?') || !Directory.Exists(folder))
        {
            throw new LapidaryException(
                $"{path}: expected a data set file ({DataFiles.Kinds}), a folder of them or a pattern, found nothing; check the path.");
        }

        string[] files = [.. Try(path, () => Directory.GetFiles(folder, pattern)).Where(DataFiles.IsData).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? Whole(files) : throw NoFiles(path);
    }

    /// <summary>Sorts the files of a folder.</summary>
    internal static SplitFiles OfFolder(string folder, IReadOnlyList<string> files)
    {
        if (files.Count == 0) throw NoFiles(folder);
        Func<string, string>[] rules = [Numbered(folder, files), Folders, file => Split(Path.GetFileName(file))];
        foreach (var rule in rules)
        {
            var bySplit = files.ToLookup(file => rule(Relative(folder, file)));
            if (bySplit.All(group => group.Key.Length == 0)) continue;
            if (!bySplit.Contains("train"))
            {
                string found = string.Join(" and ", bySplit.Select(group => group.Key).Where(split => split.Length > 0));
                throw new LapidaryException(
                    $"{folder}: expected files to train on, found only those of {found} "
                    + $"({Path.GetFileName(bySplit.First(group => group.Key.Length > 0).First())}); name the file or a pattern itself.");
            }

            return new([.. bySplit["train"]], [.. bySplit["validation"]], [.. bySplit["test"]], bySplit[""].Count());
        }

        return Whole(files);
    }

    private static SplitFiles Whole(IReadOnlyList<string> files) => new(files, [], [], 0);

    private static LapidaryException NoFiles(string path) =>
        new($"{path}: expected {DataFiles.Kinds} files, found none; check the path.");

    /// <summary>The rule of data/train-00000-of-00001.parquet. The name there may be any, such as train_sft: of several for one split the
    /// plain one counts.</summary>
    private static Func<string, string> Numbered(string folder, IReadOnlyList<string> files)
    {
        static string Name(string file) => NumberedName().Match(file) is { Success: true } match ? match.Groups[1].Value : "";
        string[] names = [.. files.Select(file => Name(Relative(folder, file))).Where(name => name.Length > 0).Distinct()];
        var chosen = names.GroupBy(Split).Where(group => group.Key.Length > 0).ToDictionary(
            group => group.FirstOrDefault(name => name == group.Key) ?? (group.Count() == 1 || group.Key != "train"
                ? group.First()
                : throw new LapidaryException(
                    $"{folder}: expected one split to train on, found {string.Join(" and ", group)}; name its files with a pattern.")),
            group => group.Key);
        return file => chosen.GetValueOrDefault(Name(file), "");
    }

    private static string Relative(string folder, string file) => Path.GetRelativePath(folder, file).Replace('\\', '/');

    /// <summary>The split that a folder on the way to the file names.</summary>
    private static string Folders(string file) =>
        file.Split('/')[..^1].Select(Split).FirstOrDefault(split => split.Length > 0) ?? "";

    private static string Split(string name) =>
        TrainWord().IsMatch(name) ? "train" : ValidationWord().IsMatch(name) ? "validation" : TestWord().IsMatch(name) ? "test" : "";

    private static IEnumerable<string> Walk(string folder)
    {
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 8,
            AttributesToSkip = FileAttributes.Hidden,
        };
        var files = new FileSystemEnumerable<string>(folder, (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(), options)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,

            // A link to a folder may lead back to one that is above it.
            ShouldRecursePredicate = (ref FileSystemEntry entry) =>
                (entry.Attributes & FileAttributes.ReparsePoint) == 0 && !entry.FileName.StartsWith("__"),
        };
        var found = Try(folder, () => files.Take(MaxFiles + 1).ToList());
        if (found.Count > MaxFiles)
            throw new LapidaryException($"{folder}: expected a folder of at most {MaxFiles} files, found more; check the path.");
        return found.Where(file => DataFiles.IsData(file) && !Descriptions.Contains(Path.GetFileName(file)));
    }

    private static T Try<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }

    [GeneratedRegex(@"^(?:.*/)?data/([^/]+)-[0-9]{5}-of-[0-9]{5}[^/]*$")]
    private static partial Regex NumberedName();

    [GeneratedRegex("(?:^|[-._ 0-9])(?:train|training)(?:$|[-._ 0-9])")]
    private static partial Regex TrainWord();

    [GeneratedRegex("(?:^|[-._ 0-9])(?:validation|valid|dev|val)(?:$|[-._ 0-9])")]
    private static partial Regex ValidationWord();

    [GeneratedRegex("(?:^|[-._ 0-9])(?:test|testing|eval|evaluation)(?:$|[-._ 0-9])")]
    private static partial Regex TestWord();
}
