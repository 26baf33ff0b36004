using System.Globalization;
using Lapidary.Cli.Help;
using Lapidary.Cli.Output;
using Lapidary.Cli.Recipes;
using Lapidary.Formats.Files;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Manifests;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lapidary.Cli.CommandLine;

/// <summary>A value of a configuration file as text, or a list of values, with its line.</summary>
internal readonly record struct RunFileValue(IReadOnlyList<string> Items, int Line)
{
    /// <summary>The key as the file has it, which may be another tool's name of the setting.</summary>
    public string Key { get; init; } = "";

    /// <summary>The value; the items of a list are joined by commas.</summary>
    public string Text => string.Join(',', Items);
}

/// <summary>run.yaml: a mapping of settings in snake case or kebab case. Or a run's manifest.json, which has the settings under a key; JSON
/// is also YAML. The file is read event by event, without reflection.</summary>
internal sealed class RunFile
{
    // A run's settings have a few kilobytes; the parser's time for open brackets grows faster than their number.
    private const long MaxBytes = 256 << 10;

    /// <summary>The start of a run's manifest, apart from white space.</summary>
    private const string ManifestStart = $"{{\"{RunManifest.VersionKey}\":";

    /// <summary>The start of a run's file of 0.1, which had no version.</summary>
    private const string FirstLineOf01 = "# Run again with: lapidary train --config FILE";

    /// <summary>model_kwargs may hold a quantization_config.</summary>
    private const int MaxDepth = 2;

    private readonly string _path;
    private readonly Dictionary<string, Setting> _known;
    private readonly Dictionary<Setting, RunFileValue> _values = [];
    private readonly List<GivenConstant> _constants = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private int _version;
    private string? _recordedFolder;

    private RunFile(string path, IReadOnlyList<Setting> settings) =>
        (_path, _known) = (path, settings.ToDictionary(setting => setting.Key, StringComparer.Ordinal));

    /// <summary>The values in the file.</summary>
    public IReadOnlyDictionary<Setting, RunFileValue> Values => _values;

    /// <summary>The file's path.</summary>
    public string Source => _path;

    /// <summary>Settings of other tools that change nothing.</summary>
    public IReadOnlyList<GivenConstant> Constants => _constants;

    /// <summary>Whether the file is a run's manifest.</summary>
    public bool IsManifest { get; private set; }

    /// <summary>Whether a run wrote the file, so that it has all settings, not only the chosen ones.</summary>
    public bool IsOfARun { get; private set; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="settings">Those that it may have.</param>
    /// <param name="refused">Values that count as not given.</param>
    /// <exception cref="ToolException">The file is missing or not such a mapping, or a key is unknown; the message names file and
    /// line.</exception>
    public static RunFile Read(string path, IReadOnlyList<Setting> settings, IReadOnlyList<RefusedValue>? refused = null)
    {
        var file = new RunFile(path, settings);
        if (Path.Combine(path, RunSettings.FileName) is var inside && File.Exists(inside))
            throw new ToolException($"{path}: expected a YAML file, found a run's folder; give {inside}.");
        string text = "";
        try
        {
            if (!Path.Exists(path) && Recipe.Find(path) is null && Recipe.Like(path) is { } builtIn)
                throw new ToolException($"{path}: file not found; the tool has these settings itself: --config {builtIn}.");
            text = (Path.Exists(path) ? null : Recipe.Find(path)) ?? InputFile.ReadAllText(path, MaxBytes, "a YAML file");
            file.IsManifest = BeginsAsManifest(text);
            file.IsOfARun = file.IsManifest || text.StartsWith(FirstLineOf01, StringComparison.Ordinal);
            file.ReadDocument(new Parser(new StringReader(text)), text);
        }
        catch (YamlException e)
        {
            throw NotYaml(path, text, e.Start, e);
        }
        catch (InvalidOperationException e)
        {
            throw NotYaml(path, text, at: null, e); // from YamlDotNet's scanner: a line feed where none is expected
        }

        if (file.IsManifest || file._version > 1) file.ResolvePaths();
        else if (file.IsOfARun && Path.GetFileName(path) == RunSettings.FileName) file.FollowFolder();
        foreach (var (key, value) in refused ?? [])
        {
            if (file._known.TryGetValue(key, out var setting) && file._values.TryGetValue(setting, out var given) && given.Text == value)
                file._values.Remove(setting);
        }

        return file;
    }

    /// <summary>The value of a setting.</summary>
    /// <exception cref="ToolException">The text is not a valid value of the setting.</exception>
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

    /// <summary>"FILE, line 3: lora_r", as the file has it.</summary>
    public string PlaceOf(Setting setting) =>
        _values.TryGetValue(setting, out var value) ? $"{_path}, line {value.Line}: {FileErrors.OneLine(value.Key)}" : _path;

    private static bool BeginsAsManifest(string text)
    {
        int at = 0;
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c)) continue;
            if (c != ManifestStart[at++]) return false;
            if (at == ManifestStart.Length) return true;
        }

        return false;
    }

    private static ToolException NotYaml(string path, string text, Mark? at, Exception? inner)
    {
        string message = PlainText.OneLine($"{path}, {YamlFault.Describe(text, at)}.");
        return inner is null ? new(message) : new(message, inner);
    }

    private static bool IsNull(string text) => text is "" or "~" or "null" or "Null" or "NULL";

    private void ReadDocument(Parser parser, string text)
    {
        parser.Consume<StreamStart>();
        if (parser.TryConsume<StreamEnd>(out _)) return;
        parser.Consume<DocumentStart>();
        if (parser.Accept<Scalar>(out var only)) throw NotYaml(_path, text, only.Start, inner: null);
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
            string key = guide is { Name: { Constants: null, WhenOn: null } } renamed ? renamed.Target : typed;
            int line = (int)scalar.Start.Line;
            if (IsManifest && depth == 0)
            {
                ReadOfManifest(parser, key, line);
                continue;
            }

            if (!_seen.Add(key)) throw Twice(line, key);
            if (GuideNames.Groups.Contains(key)) ReadNested(parser, key, depth);
            else if (guide is { } name) Add(name.Name, typed, _known[name.Target], parser);
            else if (key == RunSettings.VersionKey)
                _version = CheckVersion(ReadText(parser, key).Value.Text, line, key, RunSettings.Version);
            else if (key == RunSettings.FolderKey && IsOfARun) _recordedFolder = ReadText(parser, key).Value.Text;
            else if (_known.TryGetValue(key, out var setting)) Add(setting, scalar.Value, parser);
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

    /// <summary>Skips a part of a manifest other than the settings, which is only for people.</summary>
    private void ReadOfManifest(Parser parser, string key, int line)
    {
        if (key == RunManifest.VersionKey) CheckVersion(ReadText(parser, key).Value.Text, line, key, RunManifest.Version);
        else if (key == RunSettings.FolderKey) _recordedFolder = ReadText(parser, key).Value.Text;
        else if (key == RunManifest.SettingsKey) ReadMapping(parser, depth: 1);
        else parser.SkipThisAndNestedEvents();
    }

    private void Add(Setting setting, string typed, Parser parser)
    {
        var (value, isNull) = ReadText(parser, setting.Key);
        if (isNull && setting.NullError is { } refused) throw Error(value.Line, $"{setting.Key}: {refused}");
        if (isNull && setting.NullText is null) return;
        value = value with { Key = typed };
        if (!_values.TryAdd(setting, isNull ? value with { Items = [setting.NullText!] } : value)) throw Twice(value.Line, setting.Key);
    }

    /// <summary>A value under another tool's name, which may change nothing.</summary>
    private void Add(GuideName name, string typed, Setting setting, Parser parser)
    {
        if (name.IsAlias)
        {
            Add(setting, typed, parser);
            return;
        }

        var (value, isNull) = ReadText(parser, typed);
        if (isNull) return;
        if (name.Constants is not null) _constants.Add(new(name, name.ConstantOf(value.Text)));
        string? text = name.Read(value.Text, message => Error(value.Line, $"{typed}: {message}"));
        if (text is null) return;
        if (!_values.TryAdd(setting, value with { Items = [text], Key = typed })) throw Twice(value.Line, setting.Key);
    }

    /// <summary>A scalar or a list of them.</summary>
    private (RunFileValue Value, bool IsNull) ReadText(Parser parser, string key)
    {
        int line = (int)parser.Current!.Start.Line;
        if (parser.TryConsume<Scalar>(out var scalar))
            return (new([scalar.Value], line), scalar.IsPlainImplicit && IsNull(scalar.Value));
        if (parser.Accept<AnchorAlias>(out var alias))
            throw Error(line, $"{key}: expected a value, found *{alias.Value}, a reference in YAML; put it in single quotes");
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

    private string Here => Path.GetDirectoryName(_path) is { Length: > 0 } folder ? folder : ".";

    /// <summary>Paths are relative to the file's folder, which is the run's. A missing file is searched for relative to the folder's path
    /// when the file was written.</summary>
    private void ResolvePaths()
    {
        static bool Exists(string path)
        {
            string name = DataSetName.Parse(path).Path;
            int wild = name.AsSpan().IndexOfAny('*', '?');
            return Path.Exists(wild < 0 ? name : Path.GetDirectoryName(name[..wild]));
        }

        // A copy under another name is an ordinary settings file: it refers to the run's original folder.
        bool isInFolder = Path.GetFileName(_path) is RunSettings.FileName or RunManifest.FileName;
        string folder = isInFolder ? Here : _recordedFolder ?? Here;
        foreach (var (setting, value) in _values.ToArray())
        {
            if (setting.Key == RunSettings.OutputDirKey && value.Text == ".") _values[setting] = value with { Items = [folder] };
            if (!RunPaths.Keys.Contains(setting.Key)) continue;
            string[] paths = [.. value.Items.Select(path => RunPaths.Resolve(path, folder, _recordedFolder, Exists))];
            _values[setting] = value with { Items = paths };
        }
    }

    /// <summary>A run's folder is the one with its file, even after a move, and the paths inside it move along: in files of version 1,
    /// whose paths are absolute.</summary>
    private void FollowFolder()
    {
        if (!_known.TryGetValue(RunSettings.OutputDirKey, out var outputDir) || !_values.TryGetValue(outputDir, out var recorded)) return;
        string inside = Path.TrimEndingDirectorySeparator(recorded.Text) + Path.DirectorySeparatorChar;
        foreach (var (setting, value) in _values.ToArray())
        {
            if (!setting.IsPath) continue;
            string[] moved = [.. value.Items.Select(
                path => path.StartsWith(inside, StringComparison.Ordinal) ? Path.Combine(Here, path[inside.Length..]) : path)];
            _values[setting] = value with { Items = moved };
        }

        _values[outputDir] = recorded with { Items = [Here] };
    }

    private int CheckVersion(string value, int line, string key, int newest)
    {
        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int version) || version > newest)
        {
            throw Error(line, $"{key}: expected {newest}, found \"{FileErrors.OneLine(value)}\"; "
                + "a later Lapidary wrote this file, update this one");
        }

        IsOfARun = true;
        return version;
    }

    private ToolException Unknown(string typed, string key, int line)
    {
        string? near = NameHints.Of(key, [.. _known.Keys, .. GuideNames.Of(_known.ContainsKey).Select(pair => pair.Name.Key)]);
        string hint = near is null ? "'lapidary train --help' lists them" : "d" + near[1..];
        return Error(line, $"there is no setting \"{FileErrors.OneLine(typed)}\"; {hint}");
    }

    private ToolException Twice(int line, string key) => Error(line, $"{FileErrors.OneLine(key)} is given twice");

    private ToolException Error(long line, string message) =>
        new(PlainText.OneLine($"{_path}, line {line}: {message}{(message.EndsWith('?') ? "" : ".")}"));
}
