using Lapidary.Formats;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Sources;

/// <summary>A config of a data set: the files of each split.</summary>
/// <param name="Config">Its name.</param>
/// <param name="Splits">The splits with files.</param>
/// <param name="Unused">Data files that belong to no split, or have another format than most.</param>
internal sealed record DataLayout(string Config, IReadOnlyList<DataSplit> Splits, int Unused)
{
    /// <summary>Among formats with equally many files, the first wins.</summary>
    private static readonly DataFormat[] Precedence =
        [DataFormat.Parquet, DataFormat.Jsonl, DataFormat.Json, DataFormat.Csv, DataFormat.Tsv];

    // Files beside data files that are not data.
    private static readonly string[] Descriptions =
        ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "README.json"];

    /// <summary>Assigns a data set's files to splits.</summary>
    /// <param name="place">The name in errors: the id or the folder.</param>
    /// <param name="files">All names, with "/".</param>
    /// <param name="card">The parsed card, or null for none.</param>
    /// <param name="config">The requested config, or null.</param>
    /// <param name="oneFormat">Whether to leave out files of another format than most.</param>
    /// <exception cref="LapidaryException">The config does not exist or must be chosen, or no file is a data file.</exception>
    public static DataLayout Of(string place, IReadOnlyList<string> files, DataCard? card, string? config, bool oneFormat)
    {
        var chosen = Choose(place, card?.Configs ?? [], config);
        string[] data = [.. files.Where(IsVisible).Where(DataFiles.IsData).Order(StringComparer.Ordinal)];
        var splits = chosen.Splits is { } given
            ? ByPatterns(place, files, given, chosen.DataDir)
            : SplitRules.Of(chosen.DataDir is null ? data : Below(chosen.DataDir, data), place)
                .Select(split => chosen.DataDir is null ? split : Above(chosen.DataDir, split));
        var all = splits.ToList();
        if (all.TrueForAll(split => split.Files.Count == 0)) throw NoFiles(place, chosen, files, config);
        if (oneFormat) all = OfOneFormat(all);
        int used = all.SelectMany(split => split.Files).Distinct().Count();
        return new(chosen.Name, [.. all.Where(split => split.Files.Count > 0)], Math.Max(0, data.Length - used));
    }

    /// <summary>The files of one split.</summary>
    /// <exception cref="LapidaryException">The split does not exist; the message lists the existing ones.</exception>
    public DataSplit Split(string place, string name) => Find(name) ?? throw new LapidaryException(
        $"{place}: expected a split \"{name}\"{InConfig}, found {Names}; name another behind a colon ({place}:{Splits[0].Name}) or set "
        + "dataset_split.");

    /// <summary>The files of one split, or null.</summary>
    public DataSplit? Find(string name) => Splits.FirstOrDefault(split => split.Name == name);

    private string InConfig => Config == DataCardConfig.DefaultName ? "" : $" in {Config}";

    private string Names => string.Join(", ", Splits.Select(split => split.Name));

    private static DataCardConfig Choose(string place, IReadOnlyList<DataCardConfig> configs, string? name)
    {
        if (configs.Count == 0)
        {
            return name is null or DataCardConfig.DefaultName
                ? new(DataCardConfig.DefaultName, null, null, IsDefault: true)
                : throw new LapidaryException(
                    $"{place}: expected a config \"{name}\", found none, as its card names no configs; leave dataset_config out.");
        }

        string names = DataRecord.Names(configs.Select(config => config.Name));
        if (name is not null)
        {
            return configs.FirstOrDefault(config => config.Name == name) ?? throw new LapidaryException(
                $"{place}: expected a config \"{name}\", found {names}; set dataset_config to one of them.");
        }

        if (configs.Count == 1) return configs[0];
        if (configs.FirstOrDefault(config => config.Name == DataCardConfig.DefaultName) is { } plain) return plain;
        DataCardConfig[] defaults = [.. configs.Where(config => config.IsDefault)];
        return defaults.Length == 1 ? defaults[0] : throw new LapidaryException(
            $"{place}: expected one of its configs to be chosen, found {names}; name one with dataset_config.");
    }

    private static IEnumerable<DataSplit> ByPatterns(
        string place, IReadOnlyList<string> files, IReadOnlyList<DataCardSplit> splits, string? folder)
    {
        var sorted = files.Where(file => !Descriptions.Contains(NameOf(file))).Order(StringComparer.Ordinal).ToList();
        var known = files.ToHashSet(StringComparer.Ordinal);
        foreach (var split in splits)
        {
            if (!SplitRules.IsName(split.Name))
            {
                throw new LapidaryException(
                    $"{place}: expected a split's name of letters, digits, \"_\" and \".\", found \"{split.Name}\".");
            }

            var found = new List<string>();
            foreach (string text in split.Patterns)
            {
                var pattern = new FilePattern(FilePattern.Join(folder, text), place);
                if (pattern.HasMagic) found.AddRange(sorted.Where(pattern.Matches).Where(DataFiles.IsData));
                else if (known.Contains(pattern.Text)) found.Add(pattern.Text);
                else throw new LapidaryException($"{place}: expected the file {pattern.Text} of its card, found none of this name.");
            }

            // A file that two patterns match is read once.
            yield return new(split.Name, [.. found.Distinct()]);
        }
    }

    private static List<string> Below(string folder, IEnumerable<string> files)
    {
        string start = new FilePattern(folder.TrimEnd('/'), folder).Text + "/";
        return [.. files.Where(file => file.StartsWith(start, StringComparison.Ordinal)).Select(file => file[start.Length..])];
    }

    private static DataSplit Above(string folder, DataSplit split) =>
        split with { Files = [.. split.Files.Select(file => FilePattern.Join(new FilePattern(folder.TrimEnd('/'), folder).Text, file))] };

    /// <summary>Files of the most frequent format. For this comparison, JSON Lines and JSON are one format, and so are CSV and
    /// TSV.</summary>
    private static List<DataSplit> OfOneFormat(List<DataSplit> splits)
    {
        var counts = splits.SelectMany(split => split.Files).Distinct().GroupBy(DataFiles.FormatOf)
            .Where(group => group.Key is not null).ToDictionary(group => group.Key!.Value, group => group.Count());
        if (counts.Count < 2) return splits;
        var most = Precedence.MaxBy(format => counts.GetValueOrDefault(format));
        return splits.ConvertAll(split => split with { Files = [.. split.Files.Where(file => IsLike(DataFiles.FormatOf(file), most))] });
    }

    private static bool IsLike(DataFormat? format, DataFormat most) => (format, most) switch
    {
        (DataFormat.Json or DataFormat.Jsonl, DataFormat.Json or DataFormat.Jsonl) => true,
        (DataFormat.Csv or DataFormat.Tsv, DataFormat.Csv or DataFormat.Tsv) => true,
        _ => format == most,
    };

    /// <summary>Whether a file is a candidate by its name: hidden files, folders of programs and descriptions are skipped.</summary>
    private static bool IsVisible(string file)
    {
        string[] parts = file.Split('/');
        return !parts.Any(part => part.StartsWith('.'))
            && !parts[..^1].Any(part => part.StartsWith("__", StringComparison.Ordinal)) && !Descriptions.Contains(parts[^1]);
    }

    private static string NameOf(string file) => file[(file.LastIndexOf('/') + 1)..];

    private static LapidaryException NoFiles(string place, DataCardConfig config, IReadOnlyList<string> files, string? asked)
    {
        string[] kinds = [.. files.Where(IsVisible).Select(Path.GetExtension).OfType<string>().Where(kind => kind.Length > 1).Distinct()
            .Order(StringComparer.Ordinal)];
        string where = asked is null && config.Splits is null ? "" : $" for {config.Name}";
        string found = kinds.Length == 0 ? "none" : $"only {DataRecord.Names(kinds)}";
        return new LapidaryException($"{place}: expected {DataFiles.Kinds} files{where}, found {found}; check the path.");
    }
}
