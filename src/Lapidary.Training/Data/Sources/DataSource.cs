using Lapidary.Formats;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Sources;

/// <summary>A data set with known files. A file is fetched only when its split is requested.</summary>
internal sealed class DataSource
{
    /// <summary>Lists the files; null for a file, a pipe or a pattern, which names all of its files.</summary>
    private readonly IDataPlace? _place;
    private readonly DataLayout _layout;
    private readonly DataSetName _name;

    /// <summary>The split, if it was given separately from the name.</summary>
    private readonly SplitExpression? _split;

    private DataSource(DataSetName name, SplitExpression? split, IDataPlace? place, DataLayout layout) =>
        (_name, _split, _place, _layout) = (name, split, place, layout);

    /// <summary>The name as the user gave it.</summary>
    public string Name => _name.ToString();

    /// <summary>The Hub id, or null.</summary>
    public string? Id => _name.IsId ? _name.Path : null;

    /// <summary>A name that gives the same rows at any time and place: with the commit, or as an absolute path. It does not include a split
    /// that was given separately.</summary>
    public string Recorded => _place is HubPlace hub
        ? (_name with { Revision = hub.Commit }).ToString()
        : (_name with { Path = Path.GetFullPath(_name.Path) }).ToString();

    /// <summary>Whether the training rows are those of the train split, which may have a validation split beside it.</summary>
    public bool IsTrain => Rows.Parts.All(part => part.Split == SplitPart.TrainName);

    /// <summary>The requested rows.</summary>
    private SplitExpression Rows => _split ?? _name.Split ?? SplitExpression.Train;

    /// <summary>Finds a data set. From the Hub, only its list of files and its card are fetched.</summary>
    /// <param name="name">A path, or "owner/name" of the Hub, optionally with "@revision" and ":split".</param>
    /// <param name="config">The config; null for the default one.</param>
    /// <param name="split">The split, if the name has none.</param>
    /// <param name="hub">The Hub client.</param>
    /// <exception cref="LapidaryException">The data set does not exist, or the config does not exist or must be chosen.</exception>
    public static DataSource Find(string name, IHubAccess hub, string? config = null, string? split = null)
    {
        var parsed = DataSetName.Parse(name);
        var rows = split is null ? null : SplitExpression.Parse(split);
        if (rows is not null && parsed.Split is not null)
        {
            throw new LapidaryException(
                $"{name}: expected one split, found {parsed.Split} in the name and dataset_split {rows}; leave one out.");
        }

        if (parsed.IsId) return Of(parsed, rows, new HubPlace(parsed.Path, parsed.Revision, hub), config);
        if (Directory.Exists(parsed.Path)) return Of(parsed, rows, new FolderPlace(parsed.Path), config);
        if (config is not null)
            throw new LapidaryException($"{name}: expected a folder or an id that has a config \"{config}\", found a file; leave it out.");
        if (File.Exists(parsed.Path)) return Whole(parsed, rows, [parsed.Path]);
        if (FolderPlace.IsPattern(parsed.Path)) return Whole(parsed, rows, FolderPlace.Matches(parsed.Path));
        throw new LapidaryException(
            $"{name}: expected a data set file ({DataFiles.Kinds}), a folder of them, a pattern or an id of the Hub (owner/name), "
            + "found nothing; check the path.");
    }

    /// <summary>The requested rows, as local files.</summary>
    /// <exception cref="LapidaryException">The split does not exist, or its files cannot be fetched.</exception>
    public IReadOnlyList<SourceRows> FetchRows()
    {
        // Find all files before fetching any.
        var splits = Rows.Parts.Select(part => (Part: part, Split: _layout.Split(_name.Path, part.Split))).ToList();
        return splits.ConvertAll(pair => Fetch(pair.Part, pair.Split));
    }

    /// <summary>The validation split; null if it does not exist.</summary>
    public IReadOnlyList<SourceRows>? FetchValidation() => _layout.Find(SplitPart.ValidationName) is { } split ? [Whole(split)] : null;

    /// <summary>The rows for an evaluation: the split in the name, else validation, test, or all.</summary>
    public IReadOnlyList<SourceRows> FetchForEvaluation()
    {
        if ((_split ?? _name.Split) is not null) return FetchRows();
        return FetchValidation() ?? (_layout.Find(SplitPart.TestName) is { } test ? [Whole(test)] : FetchRows());
    }

    /// <summary>The validation split, else the test split, of a data set whose train split is requested; null if there is none.</summary>
    public IReadOnlyList<SourceRows>? FetchHeldOut() => !IsTrain ? null
        : FetchValidation() ?? (_layout.Find(SplitPart.TestName) is { } test ? [Whole(test)] : null);

    /// <summary>The splits that <see cref="FetchForEvaluation"/> takes, if they are splits of another data set too: of the same folder, or
    /// of the same commit and config.</summary>
    public IReadOnlyList<string> EvaluatedSplitsOf(DataSource other)
    {
        if (_place is null || other._place is null || Location != other.Location || _layout.Config != other._layout.Config) return [];
        if ((_split ?? _name.Split) is not null) return [.. Rows.Parts.Select(part => part.Split)];
        string[] held = [SplitPart.ValidationName, SplitPart.TestName];
        return [held.FirstOrDefault(name => _layout.Find(name) is not null) ?? SplitPart.TrainName];
    }

    /// <summary>Whether <see cref="FetchForEvaluation"/> takes the rows that another data set is trained on, as their folder has neither a
    /// validation nor a test split and no split is named.</summary>
    public bool EvaluatesTrainRowsOf(DataSource trained) => (_split ?? _name.Split) is null
        && EvaluatedSplitsOf(trained) is [SplitPart.TrainName] && trained.Rows.Parts.Any(part => part.Split == SplitPart.TrainName);

    /// <summary>Whether <see cref="FetchForEvaluation"/> takes files that are named for training, as there is neither a validation nor a
    /// test split and no split is named.</summary>
    public bool EvaluatesTrainFiles => (_split ?? _name.Split) is null && _place is not null
        && _layout.Splits is [{ Name: SplitPart.TrainName } train]
        && train.Files.All(file => Path.GetFileName(file).StartsWith(SplitPart.TrainName, StringComparison.OrdinalIgnoreCase));

    private string Location => _place is HubPlace hub ? $"{hub.Name}@{hub.Commit}" : Path.GetFullPath(_name.Path).TrimEnd('/');

    /// <summary>One line about the use of the splits; null if it is obvious.</summary>
    /// <param name="evaluated">The splits that are evaluated on.</param>
    public string? Describe(IReadOnlyList<string> evaluated)
    {
        if (_place is null || (_place is FolderPlace && _layout is { Splits: [{ Name: SplitPart.TrainName }], Unused: 0 }
            && Rows == SplitExpression.Train && _layout.Config == DataCardConfig.DefaultName))
        {
            return null;
        }

        var used = Rows.Parts.Select(part => $"{part} {Amount.Of(_layout.Find(part.Split)?.Files.Count ?? 0, "file")}");
        var others = _layout.Splits.Where(split => Rows.Parts.All(part => part.Split != split.Name)).Select(split =>
        {
            string use = evaluated.Contains(split.Name) ? "evaluated on" : "not used";
            return $"{split.Name} {Amount.Of(split.Files.Count, "file")} ({use})";
        });
        string unused = _layout.Unused > 0 ? $", {Amount.Of(_layout.Unused, "file")} of no split (not used)" : "";
        return $"{Title}: {string.Join(", ", used.Concat(others))}{unused}";
    }

    private string Title
    {
        get
        {
            string config = _layout.Config == DataCardConfig.DefaultName ? "" : $" config {_layout.Config}";
            return _place is HubPlace hub ? $"{hub.Name}@{hub.Commit[..Math.Min(7, hub.Commit.Length)]}{config}"
                : config.Length > 0 ? $"splits of{config}"
                : "splits";
        }
    }

    private static DataSource Of(DataSetName name, SplitExpression? rows, IDataPlace place, string? config)
    {
        string? cardFile = new[] { DataCard.YamlName, DataCard.ReadmeName }.FirstOrDefault(place.Files.Contains);
        var card = Card(place, DataCard.YamlName);
        if (card is null or { Configs.Count: 0 }) card = Card(place, DataCard.ReadmeName) ?? card;
        bool isDataSet = place is HubPlace || cardFile is not null;
        return new(name, rows, place, DataLayout.Of(place.Name, place.Files, card, config, oneFormat: isDataSet));
    }

    private static DataCard? Card(IDataPlace place, string file)
    {
        if (!place.Files.Contains(file)) return null;
        string where = $"{place.Name}/{file}";
        string text = place.ReadText(file);
        return file == DataCard.YamlName ? DataCard.OfYaml(text, where) : DataCard.OfReadme(text, where);
    }

    private static DataSource Whole(DataSetName name, SplitExpression? rows, IReadOnlyList<string> files) =>
        new(name, rows, place: null, new(DataCardConfig.DefaultName, [new(SplitPart.TrainName, files)], 0));

    private SourceRows Whole(DataSplit split) => Fetch(new SplitPart(split.Name, null, null), split);

    private SourceRows Fetch(SplitPart part, DataSplit split) =>
        new(this, part, _place is null ? split.Files : _place.Fetch(split.Files));
}

/// <summary>Rows of one split, in local files.</summary>
/// <param name="Source">The data set.</param>
/// <param name="Part">The rows.</param>
/// <param name="Files">Files of the whole split.</param>
internal sealed record SourceRows(DataSource Source, SplitPart Part, IReadOnlyList<string> Files);
