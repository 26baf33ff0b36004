using System.Globalization;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Checkpoints;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lapidary.Cli.CommandLine;

/// <summary>A value of a configuration file as text, or a list of them, with its line.</summary>
internal readonly record struct RunFileValue(IReadOnlyList<string> Items, int Line)
{
    /// <summary>The value; of a list its items with commas between.</summary>
    public string Text => string.Join(',', Items);
}

/// <summary>run.yaml: a mapping of settings in snake case or kebab case. Read event by event, without reflection.</summary>
internal sealed class RunFile
{
    // A run's settings take some kilobytes; the parser's time for open brackets grows faster than their number.
    private const long MaxBytes = 256 << 10;

    /// <summary>How a run's file of 0.1 begins, which had no version.</summary>
    private const string FirstLineOf01 = "# Run again with: lapidary train --config FILE";

    /// <summary>model_kwargs may hold a quantization_config.</summary>
    private const int MaxDepth = 2;

    private readonly string _path;
    private readonly Dictionary<string, Setting> _known;
    private readonly Dictionary<Setting, RunFileValue> _values = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    private RunFile(string path, IReadOnlyList<Setting> settings) =>
        (_path, _known) = (path, settings.ToDictionary(setting => setting.Key, StringComparer.Ordinal));

    /// <summary>What the file gives.</summary>
    public IReadOnlyDictionary<Setting, RunFileValue> Values => _values;

    /// <summary>Whether a run wrote it, so that all settings are in it and not only those that somebody chose.</summary>
    public bool IsOfARun { get; private set; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ToolException">It is absent or no such mapping, or a key is not known; the message names file and
    /// line.</exception>
    public static RunFile Read(string path, IReadOnlyList<Setting> settings)
    {
        var file = new RunFile(path, settings);
        if (Path.Combine(path, RunSettings.FileName) is var inside && File.Exists(inside))
            throw new ToolException($"{path}: expected a YAML file, found a run's folder; give {inside}.");
        try
        {
            string text = InputFile.ReadAllText(path, MaxBytes, "a YAML file");
            file.IsOfARun = text.StartsWith(FirstLineOf01, StringComparison.Ordinal);
            file.ReadDocument(new Parser(new StringReader(text)));
        }
        catch (YamlException e)
        {
            throw new ToolException($"{path}, line {e.Start.Line}: {e.Message}; correct the YAML.", e);
        }
        catch (InvalidOperationException e)
        {
            // YamlDotNet's scanner, where a line feed stands where none is expected.
            throw new ToolException($"{path}: expected YAML, found what its reader cannot take apart; correct the file.", e);
        }

        if (file.IsOfARun && Path.GetFileName(path) == RunSettings.FileName) file.FollowFolder();
        return file;
    }

    /// <summary>The value of a setting.</summary>
    /// <exception cref="ToolException">The text is not what the setting takes.</exception>
    public object? Parse(Setting setting, RunFileValue value)
    {
        try
        {
            return setting.ParseValues(value.Items);
        }
        catch (FormatException e)
        {
            throw Error(value.Line, $"{setting.Key}: {e.Message}");
        }
    }

    private static bool IsNull(string text) => text is "" or "~" or "null" or "Null" or "NULL";

    private void ReadDocument(Parser parser)
    {
        parser.Consume<StreamStart>();
        if (parser.TryConsume<StreamEnd>(out _)) return;
        parser.Consume<DocumentStart>();
        if (!parser.Accept<MappingStart>(out _)) throw Error(parser.Current!.Start.Line, "expected keys and values (key: value)");
        ReadMapping(parser, depth: 0);
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _)) throw Error(parser.Current!.Start.Line, "expected one document, found another");
    }

    private void ReadMapping(Parser parser, int depth)
    {
        parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var scalar)) throw Error(parser.Current!.Start.Line, "expected a key");
            string typed = scalar.Value.Replace('-', '_');
            var guide = _known.ContainsKey(typed) ? null : GuideNames.Find(typed, _known.ContainsKey);
            string key = guide is { Name.Constants: null } renamed ? renamed.Target : typed;
            int line = (int)scalar.Start.Line;
            if (!_seen.Add(key)) throw Error(line, $"{FileErrors.OneLine(key)} is given twice");
            if (GuideNames.Groups.Contains(key)) ReadNested(parser, key, depth);
            else if (guide is { } name) Add(name.Name, typed, _known[name.Target], parser);
            else if (key == RunSettings.VersionKey) CheckVersion(ReadText(parser, key).Value.Text, line);
            else if (_known.TryGetValue(key, out var setting)) Add(setting, parser);
            else throw Unknown(scalar.Value, key, line);
        }
    }

    private void ReadNested(Parser parser, string key, int depth)
    {
        long line = parser.Current!.Start.Line;
        if (parser.TryConsume<Scalar>(out var scalar) && scalar.IsPlainImplicit && IsNull(scalar.Value)) return;
        if (depth == MaxDepth || !parser.Accept<MappingStart>(out _)) throw Error(line, $"{key}: expected keys and values");
        ReadMapping(parser, depth + 1);
    }

    private void Add(Setting setting, Parser parser)
    {
        var (value, isNull) = ReadText(parser, setting.Key);
        if (isNull && setting.NullText is null) return;
        _values.Add(setting, isNull ? value with { Items = [setting.NullText!] } : value);
    }

    /// <summary>A value under a name of another tool, which may change nothing.</summary>
    private void Add(GuideName name, string typed, Setting setting, Parser parser)
    {
        if (name is { Constants: null, Translate: null })
        {
            Add(setting, parser);
            return;
        }

        var (value, isNull) = ReadText(parser, typed);
        if (isNull) return;
        try
        {
            if (name.Read(value.Text) is { } text) _values.Add(setting, value with { Items = [text] });
        }
        catch (FormatException e)
        {
            throw Error(value.Line, $"{typed}: {e.Message}");
        }
    }

    /// <summary>A scalar or a list of them.</summary>
    private (RunFileValue Value, bool IsNull) ReadText(Parser parser, string key)
    {
        int line = (int)parser.Current!.Start.Line;
        if (parser.TryConsume<Scalar>(out var scalar))
            return (new([scalar.Value], line), scalar.IsPlainImplicit && IsNull(scalar.Value));
        if (!parser.TryConsume<SequenceStart>(out _)) throw Error(line, $"{key}: expected a value");
        var items = new List<string>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var item))
                throw Error(parser.Current!.Start.Line, $"{key}: expected a list of plain values");
            items.Add(item.Value);
        }

        return (new(items, line), items.Count == 0);
    }

    /// <summary>The folder of a run is where its file lies, wherever that has been moved, and what the file names inside of it moves
    /// along.</summary>
    private void FollowFolder()
    {
        if (!_known.TryGetValue(RunSettings.OutputDirKey, out var outputDir) || !_values.TryGetValue(outputDir, out var recorded)) return;
        string here = Path.GetDirectoryName(_path) is { Length: > 0 } folder ? folder : ".";
        string inside = Path.TrimEndingDirectorySeparator(recorded.Text) + Path.DirectorySeparatorChar;
        foreach (var (setting, value) in _values.ToArray())
        {
            if (!setting.IsPath) continue;
            string[] moved = [.. value.Items.Select(
                path => path.StartsWith(inside, StringComparison.Ordinal) ? Path.Combine(here, path[inside.Length..]) : path)];
            _values[setting] = value with { Items = moved };
        }

        _values[outputDir] = recorded with { Items = [here] };
    }

    private void CheckVersion(string value, int line)
    {
        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int version) || version > RunSettings.Version)
        {
            throw Error(line, $"{RunSettings.VersionKey}: expected {RunSettings.Version}, found \"{FileErrors.OneLine(value)}\"; "
                + "a later Lapidary wrote this file, update this one");
        }

        IsOfARun = true;
    }

    private ToolException Unknown(string typed, string key, int line)
    {
        string? near = NearestName.Of(key, [.. _known.Keys, .. GuideNames.Of(_known.ContainsKey).Select(pair => pair.Name.Key)]);
        string hint = near is null ? "'lapidary train --help' lists them" : $"did you mean {near}?";
        return Error(line, $"there is no setting \"{FileErrors.OneLine(typed)}\"; {hint}");
    }

    private ToolException Error(long line, string message) =>
        new(PlainText.OneLine($"{_path}, line {line}: {message}{(message.EndsWith('?') ? "" : ".")}"));
}
