using System.CommandLine;
using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>The settings of one run: the command line overrides the configuration file, which overrides the defaults.</summary>
internal sealed class SettingValues
{
    // A command may have a setting of its own under a common name, with another help text.
    private static readonly EqualityComparer<Setting> ByName = EqualityComparer<Setting>.Create(
        (one, other) => one?.Name == other?.Name, setting => setting.Name.GetHashCode(StringComparison.Ordinal));

    private readonly Dictionary<Setting, object?> _given = new(ByName);
    private readonly HashSet<Setting> _chosen = new(ByName);
    private readonly HashSet<Setting> _typed = new(ByName);

    /// <summary>Reads all settings.</summary>
    /// <param name="settings">The command's settings, in order.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="file">The configuration file, or null.</param>
    /// <exception cref="LapidaryException">A value of the file is invalid.</exception>
    public SettingValues(IReadOnlyList<Setting> settings, ParseResult parsed, RunFile? file = null)
    {
        (All, Command, File) = (settings, Usage.CommandOf(parsed), file);
        foreach (var setting in settings)
        {
            var typed = parsed.GetResult(setting.Option) is { Implicit: false } result ? result.Tokens : null;
            bool isTyped = typed is not null;
            if (isTyped)
                _given[setting] = setting.ParseValues(typed!.Count == 0 ? ["true"] : [.. typed.Select(token => token.Value)]);
            else if (file is not null && file.Values.TryGetValue(setting, out var value))
                _given[setting] = file.Parse(setting, value);
            else
                continue;
            if (isTyped) _typed.Add(setting);
            if (isTyped || !file!.IsOfARun) _chosen.Add(setting);
        }
    }

    /// <summary>The command's settings in order.</summary>
    public IReadOnlyList<Setting> All { get; }

    /// <summary>"lapidary train".</summary>
    public string Command { get; }

    /// <summary>The configuration file; null without one.</summary>
    public RunFile? File { get; }

    /// <summary>The value of a setting.</summary>
    public T Get<T>(Setting<T> setting) => (T)Get((Setting)setting)!;

    /// <summary>The values of a repeatable setting; empty if it is not given.</summary>
    public IReadOnlyList<string> Get(SettingList setting) => (IReadOnlyList<string>)Get((Setting)setting)!;

    /// <summary>The value of a setting whose type is unknown here.</summary>
    public object? Get(Setting setting) => _given.TryGetValue(setting, out object? value) ? value : setting.DefaultValue;

    /// <summary>Sets a value that follows from another setting or from later findings.</summary>
    public void Supply<T>(Setting<T> setting, T value) => _given[setting] = value;

    /// <summary>The value of a required setting.</summary>
    /// <exception cref="UsageException">It is not given.</exception>
    public string Require(Setting<string?> setting) =>
        Get(setting) is { Length: > 0 } value ? value : throw new UsageException($"--{setting.Name} is missing.", Command);

    /// <summary>The values of a required setting.</summary>
    /// <exception cref="UsageException">It is not given.</exception>
    public IReadOnlyList<string> Require(SettingList setting) =>
        Get(setting) is { Count: > 0 } values ? values : throw new UsageException($"--{setting.Name} is missing.", Command);

    /// <summary>Whether the command line or the file gives the setting.</summary>
    public bool IsGiven(Setting setting) => _given.ContainsKey(setting);

    /// <summary>Whether the user chose the value: it is given, and not only because a run stored all of its settings.</summary>
    public bool IsChosen(Setting setting) => _chosen.Contains(setting);

    /// <summary>Whether the command line gives the setting; it overrides the file.</summary>
    public bool IsTyped(Setting setting) => _typed.Contains(setting);
}
