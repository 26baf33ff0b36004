using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Server;

namespace Lapidary.Cli.Serving;

/// <summary>Where the server listens, whom it lets in, and its limits.</summary>
internal static class ServeSettings
{
    /// <summary>The variable of the environment that holds a key.</summary>
    public const string KeyVariable = "LAPIDARY_API_KEY";

    private static readonly LapidaryServerOptions Defaults = new();

    /// <summary>Most answers at a time.</summary>
    public static readonly Setting<int> MaxBatch = Setting.Integer(
        "max-batch",
        "Most answers that are generated at the same time, of all models that share steps; 0 for as many as memory holds, up to a number "
        + "of the device.",
        0, 0, 4096);

    /// <summary>Most tokens.</summary>
    public static readonly Setting<int> MaxLength = Setting.Integer(
        "max-length", "Most tokens of a prompt and its answer, for which memory is set aside; 0 for the model's context.", 0);

    private static readonly Setting<string?> Host = Setting.Text(
        "host", "ADDRESS", "Address or name to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for all networks.", Defaults.Host);

    private static readonly Setting<int> Port = Setting.Integer("port", "Port to listen on; 0 for a free one.", Defaults.Port, 0, 65535);

    private static readonly Setting<string?> KeyFile = Setting.Text(
        "api-key-file", "FILE",
        $"File with API keys, one a line, of which callers need one. {KeyVariable} in the environment is one more.");

    private static readonly Setting<bool> AllowNoKey =
        Setting.Flag("allow-no-key", "Let everybody in who can reach the address, also from other machines.");

    private static readonly Setting<int> MaxWaiting = Setting.Integer(
        "max-waiting", "Most answers that wait for their turn, of all models that share steps; a request for more gets status 429.",
        Defaults.MaxWaiting, 0, 1_000_000);

    private static readonly Setting<int> MaxBodyBytes = Setting.Integer(
        "max-body-bytes", "Most bytes of a request; a larger one gets status 413.", Defaults.MaxBodyBytes, 1);

    /// <summary>In the order of the help text.</summary>
    public static IReadOnlyList<Setting> All => [Host, Port, KeyFile, AllowNoKey, MaxBatch, MaxLength, MaxWaiting, MaxBodyBytes];

    /// <summary>The options of the server.</summary>
    /// <param name="values">The command's.</param>
    /// <param name="report">Receives errors that are not the callers'.</param>
    /// <param name="words">Puts options in place of names in messages for callers.</param>
    /// <exception cref="LapidaryException">The file of keys cannot be read, or has none.</exception>
    public static LapidaryServerOptions Options(SettingValues values, Action<string> report, Func<string, string> words) => new()
    {
        Host = values.Get(Host)!,
        Port = values.Get(Port),
        ApiKeys = [.. KeysOf(values.Get(KeyFile)), .. KeyOfEnvironment()],
        AllowNoKey = values.Get(AllowNoKey),
        MaxWaiting = values.Get(MaxWaiting),
        MaxBodyBytes = values.Get(MaxBodyBytes),
        Report = report,
        Words = words,
    };

    /// <summary>The keys of a file; blank lines and those that begin with # are none.</summary>
    private static string[] KeysOf(string? file)
    {
        if (file is null) return [];
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(file, e);
        }

        string[] keys = [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#')];
        return keys.Length > 0 ? keys : throw new ToolException($"{file}: expected an API key on a line, found none; write one there.");
    }

    private static string[] KeyOfEnvironment() =>
        Environment.GetEnvironmentVariable(KeyVariable)?.Trim() is { Length: > 0 } key ? [key] : [];
}
