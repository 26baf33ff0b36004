using Lapidary.Formats;
using Lapidary.Formats.Files;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lapidary.Training.Data.Sources;

/// <summary>The files in a data set's card: the list "configs" in the front matter of README.md, or in .huggingface.yaml, which takes
/// precedence. The YAML is read event by event, and all other content is ignored.</summary>
/// <param name="Configs">In the order of the card; empty if it names none.</param>
internal sealed record DataCard(IReadOnlyList<DataCardConfig> Configs)
{
    /// <summary>Names of the possible files, in order of precedence.</summary>
    public const string YamlName = ".huggingface.yaml", ReadmeName = "README.md";

    /// <summary>The largest file that is read: cards with embedded figures have a few hundred kilobytes.</summary>
    public const int MaxBytes = 16 << 20;

    // Cards with a thousand configs have half a megabyte.
    private const int MaxYamlLength = 4 << 20, MaxDepth = 32, MaxEntries = 10_000;

    /// <summary>Reads README.md.</summary>
    /// <param name="text">The whole file.</param>
    /// <param name="place">The file's name in errors.</param>
    public static DataCard OfReadme(string text, string place)
    {
        var lines = text.AsSpan().TrimStart("\uFEFF\r\n");
        if (!lines.StartsWith("---")) return new([]);
        int start = lines.IndexOf('\n') + 1;
        if (start == 0 || !lines[..start].TrimEnd().SequenceEqual("---")) return new([]);
        for (int at = start; at < lines.Length;)
        {
            int end = lines[at..].IndexOf('\n');
            var line = end < 0 ? lines[at..] : lines.Slice(at, end);
            if (line.TrimEnd().SequenceEqual("---")) return OfYaml(lines[start..at].ToString(), place);
            if (end < 0) break;
            at += end + 1;
        }

        return new([]);
    }

    /// <summary>Reads YAML.</summary>
    /// <exception cref="LapidaryException">It is not a mapping, or "configs" is invalid.</exception>
    public static DataCard OfYaml(string yaml, string place)
    {
        if (yaml.Length > MaxYamlLength)
            throw new LapidaryException($"{place}: expected at most {MaxYamlLength} characters of YAML, found {yaml.Length}.");
        try
        {
            var events = new Parser(new StringReader(yaml));
            events.Consume<StreamStart>();
            return events.TryConsume<StreamEnd>(out _) ? new([]) : Document(events, place);
        }
        catch (YamlException error)
        {
            throw new LapidaryException(
                $"{place}: expected YAML, found an error in line {error.Start.Line + 1} ({FileErrors.OneLine(error.Message)}).", error);
        }
        catch (InvalidOperationException error)
        {
            // From YamlDotNet's scanner: a line feed where none is expected.
            throw new LapidaryException($"{place}: expected YAML, found what its reader cannot take apart.", error);
        }
    }

    private static DataCard Document(Parser events, string place)
    {
        events.Consume<DocumentStart>();
        if (!events.TryConsume<MappingStart>(out _)) return new([]);
        while (!events.TryConsume<MappingEnd>(out _))
        {
            bool isConfigs = events.Accept<Scalar>(out var key) && key.Value == "configs";
            Skip(events, place);
            if (!isConfigs)
            {
                Skip(events, place);
                continue;
            }

            object? value = Value(events, place, depth: 0);
            if (value is null) return new([]);
            var configs = (value as List<object?> ?? throw Wrong(place, "a list")).ConvertAll(item => Config(item, place));
            if (configs.GroupBy(config => config.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
                throw Wrong(place, $"each name once and not twice \"{FileErrors.OneLine(twice.Key)}\"");
            return new(configs);
        }

        return new([]);
    }

    private static DataCardConfig Config(object? item, string place)
    {
        if (item is not Dictionary<string, object?> fields) throw Wrong(place, "keys and values in each entry");
        string name = Text(fields, "config_name", place) ?? DataCardConfig.DefaultName;
        var splits = fields.GetValueOrDefault("data_files") switch
        {
            null => null,
            string pattern => [new DataCardSplit(SplitPart.TrainName, [pattern])],
            List<object?> list when list.Exists(entry => entry is Dictionary<string, object?>) =>
                list.ConvertAll(entry => Split(entry, name, place)),
            List<object?> list => [new DataCardSplit(SplitPart.TrainName, Patterns(list, name, place))],
            Dictionary<string, object?> map =>
                map.Select(pair => new DataCardSplit(pair.Key, Patterns(pair.Value, name, place))).ToList(),
            _ => throw Wrong(place, $"patterns as data_files of {FileErrors.OneLine(name)}"),
        };
        if (splits?.GroupBy(split => split.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw Wrong(place, $"each split once in {FileErrors.OneLine(name)} and not twice \"{FileErrors.OneLine(twice.Key)}\"");
        return new(name, splits, Text(fields, "data_dir", place), Text(fields, "default", place) is "true" or "True" or "TRUE");
    }

    private static DataCardSplit Split(object? entry, string config, string place)
    {
        var fields = entry as Dictionary<string, object?>;
        return fields?.GetValueOrDefault("split") is string split && fields.TryGetValue("path", out object? path)
            ? new(split, Patterns(path, config, place))
            : throw Wrong(place, $"split and path in data_files of {FileErrors.OneLine(config)}");
    }

    private static List<string> Patterns(object? value, string config, string place) => value switch
    {
        string pattern => [pattern],
        List<object?> list when list.TrueForAll(item => item is string) => list.ConvertAll(item => (string)item!),
        _ => throw Wrong(place, $"a pattern or a list of them in data_files of {FileErrors.OneLine(config)}"),
    };

    private static string? Text(Dictionary<string, object?> fields, string key, string place) => fields.GetValueOrDefault(key) switch
    {
        null => null,
        string text => text,
        _ => throw Wrong(place, $"a text as {key}"),
    };

    /// <summary>A value as null, string, list or dictionary. Aliases are not expanded: ten lines of them can stand for more than any memory
    /// holds.</summary>
    private static object? Value(Parser events, string place, int depth)
    {
        if (depth > MaxDepth) throw Wrong(place, "fewer lists in each other");
        if (events.TryConsume<Scalar>(out var scalar))
            return scalar.IsPlainImplicit && (scalar.Value is "" or "~" or "null") ? null : scalar.Value;
        if (events.TryConsume<SequenceStart>(out _))
        {
            List<object?> list = [];
            while (!events.TryConsume<SequenceEnd>(out _))
            {
                if (list.Count == MaxEntries) throw Wrong(place, $"at most {MaxEntries} entries");
                list.Add(Value(events, place, depth + 1));
            }

            return list;
        }

        if (!events.TryConsume<MappingStart>(out _)) throw Wrong(place, "values without anchors and aliases");
        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        while (!events.TryConsume<MappingEnd>(out _))
        {
            if (!events.TryConsume<Scalar>(out var key)) throw Wrong(place, "plain keys");
            if (map.Count == MaxEntries) throw Wrong(place, $"at most {MaxEntries} entries");
            if (!map.TryAdd(key.Value, Value(events, place, depth + 1)))
                throw Wrong(place, $"each key once and not twice \"{FileErrors.OneLine(key.Value)}\"");
        }

        return map;
    }

    /// <summary>Skips a value. The parser's time for open brackets grows faster than their number.</summary>
    private static void Skip(Parser events, string place)
    {
        int depth = 0;
        do
        {
            depth += events.Consume<ParsingEvent>().NestingIncrease;
            if (depth > MaxDepth) throw Wrong(place, "fewer lists in each other");
        }
        while (depth > 0);
    }

    private static LapidaryException Wrong(string place, string expected) =>
        new($"{place}: expected configs to have {expected}; correct the YAML, or name the files by a pattern.");
}

/// <summary>An entry of "configs".</summary>
/// <param name="Name">config_name.</param>
/// <param name="Splits">data_files by split; null if there are none, and the file names decide.</param>
/// <param name="DataDir">data_dir: the base folder of patterns and names, or null.</param>
/// <param name="IsDefault">default.</param>
internal sealed record DataCardConfig(string Name, IReadOnlyList<DataCardSplit>? Splits, string? DataDir, bool IsDefault)
{
    /// <summary>The config name of a card without configs.</summary>
    public const string DefaultName = "default";
}

/// <summary>A split of data_files.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Patterns">Patterns of its files, in order.</param>
internal sealed record DataCardSplit(string Name, IReadOnlyList<string> Patterns);
