using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Cli.Output;
using Lapidary.Formats.Files;
using Lapidary.Formats;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lapidary.Cli.CommandLine;

/// <summary>A value of a configuration file as text, with its line.</summary>
internal readonly record struct RunFileValue(string Text, int Line);

/// <summary>run.yaml: a mapping of settings in snake case or kebab case. Read event by event, without reflection.</summary>
internal sealed partial class RunFile
{
    private const long MaxBytes = 1 << 20;

    private static readonly string[] NestedMappings = ["dataset_kwargs"];

    private static readonly Dictionary<string, string> Aliases =
        new(StringComparer.Ordinal) { ["max_seq_length"] = "max_length", ["r"] = "lora_r" };

    // Keys of the guide that change nothing here, so that its settings can be pasted as they are, and the values that are true of every
    // run.
    private static readonly Dictionary<string, string[]> Constants = new(StringComparer.Ordinal)
    {
        ["optim"] = ["adamw_torch", "adamw_torch_fused"],
        ["report_to"] = ["tensorboard", "none"],
        ["push_to_hub"] = ["false"],
        ["fp16"] = ["true", "false"],
        ["bf16"] = ["true", "false"],
        ["bias"] = ["none"],
        ["task_type"] = ["CAUSAL_LM"],
    };

    private readonly string _path;
    private readonly Dictionary<string, Setting> _known;
    private readonly Dictionary<Setting, RunFileValue> _values = [];

    private RunFile(string path, IReadOnlyList<Setting> settings) =>
        (_path, _known) = (path, settings.ToDictionary(setting => setting.Key, StringComparer.Ordinal));

    /// <summary>What the file gives.</summary>
    public IReadOnlyDictionary<Setting, RunFileValue> Values => _values;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ToolException">It is absent or no such mapping, or a key is not known; the message names file and
    /// line.</exception>
    public static RunFile Read(string path, IReadOnlyList<Setting> settings)
    {
        var file = new RunFile(path, settings);
        try
        {
            if (File.Exists(path) && new FileInfo(path).Length > MaxBytes)
                throw new ToolException($"{path}: expected at most {MaxBytes} bytes.");
            using var reader = new StreamReader(path);
            file.ReadDocument(new Parser(reader));
        }
        catch (YamlException e)
        {
            throw new ToolException($"{path}, line {e.Start.Line}: {e.Message}; correct the YAML.", e);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new ToolException($"{path}: cannot be read: {e.Message}", e);
        }

        return file;
    }

    /// <summary>Writes all settings that have a value, so that the file given back as --config makes the same run.</summary>
    public static void Write(string path, SettingValues values)
    {
        var text = new StringBuilder("# Run again with: lapidary train --config FILE\n");
        foreach (var setting in values.All)
        {
            if (setting.FormatValue(values.Get(setting)) is { } value)
                text.Append(CultureInfo.InvariantCulture, $"{setting.Key}: {Quote(value)}\n");
        }

        AtomicFile.WriteAllText(path, text.ToString());
    }

    /// <summary>The value of a setting.</summary>
    /// <exception cref="ToolException">The text is not what the setting takes.</exception>
    public object? Parse(Setting setting, RunFileValue value)
    {
        try
        {
            return setting.ParseValue(value.Text);
        }
        catch (FormatException e)
        {
            throw Error(value.Line, $"{setting.Key}: {e.Message}");
        }
    }

    /// <summary>A double-quoted YAML string has the escapes of a JSON one.</summary>
    private static string Quote(string value) => Plain().IsMatch(value) && !IsNull(value)
        ? value
        : $"\"{JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static bool IsNull(string text) => text is "" or "~" or "null" or "Null" or "NULL";

    private void ReadDocument(Parser parser)
    {
        parser.Consume<StreamStart>();
        if (parser.TryConsume<StreamEnd>(out _)) return;
        parser.Consume<DocumentStart>();
        if (!parser.Accept<MappingStart>(out _)) throw Error(parser.Current!.Start.Line, "expected keys and values (key: value)");
        ReadMapping(parser);
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _)) throw Error(parser.Current!.Start.Line, "expected one document, found another");
    }

    private void ReadMapping(Parser parser)
    {
        parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var scalar)) throw Error(parser.Current!.Start.Line, "expected a key");
            string typed = scalar.Value.Replace('-', '_');
            string key = Aliases.GetValueOrDefault(typed, typed);
            int line = (int)scalar.Start.Line;
            if (NestedMappings.Contains(key)) ReadMapping(parser);
            else if (Constants.TryGetValue(key, out string[]? allowed)) CheckConstant(key, allowed, ReadText(parser, key).Text, line);
            else if (_known.TryGetValue(key, out var setting)) Add(setting, parser);
            else throw Unknown(scalar.Value, key, line);
        }
    }

    private void Add(Setting setting, Parser parser)
    {
        var (text, line, isNull) = ReadText(parser, setting.Key);
        if (isNull && setting.NullText is null) return;
        if (!_values.TryAdd(setting, new(isNull ? setting.NullText! : text, line))) throw Error(line, $"{setting.Key} is given twice");
    }

    /// <summary>A scalar, or a list of them joined by commas.</summary>
    private (string Text, int Line, bool IsNull) ReadText(Parser parser, string key)
    {
        int line = (int)parser.Current!.Start.Line;
        if (parser.TryConsume<Scalar>(out var scalar)) return (scalar.Value, line, scalar.IsPlainImplicit && IsNull(scalar.Value));
        if (!parser.TryConsume<SequenceStart>(out _)) throw Error(line, $"{key}: expected a value");
        var items = new List<string>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var item))
                throw Error(parser.Current!.Start.Line, $"{key}: expected a list of plain values");
            items.Add(item.Value);
        }

        return (string.Join(',', items), line, items.Count == 0);
    }

    private void CheckConstant(string key, string[] allowed, string value, int line)
    {
        if (!allowed.Contains(value, StringComparer.OrdinalIgnoreCase))
            throw Error(line, $"{key}: expected {string.Join(" or ", allowed)}, found \"{value}\"");
    }

    private ToolException Unknown(string typed, string key, int line)
    {
        string? near = NearestName.Of(key, [.. _known.Keys, .. Aliases.Keys]);
        string hint = near is null ? "'lapidary train --help' lists them" : $"did you mean {near}?";
        return Error(line, $"there is no setting \"{typed}\"; {hint}");
    }

    private ToolException Error(long line, string message) =>
        new(PlainText.OneLine($"{_path}, line {line}: {message}{(message.EndsWith('?') ? "" : ".")}"));

    [GeneratedRegex(@"\A[A-Za-z0-9_./][A-Za-z0-9_./+-]*\z|\A-?[0-9][0-9.eE+-]*\z")]
    private static partial Regex Plain();
}
