using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Hub;

/// <content>The variables that huggingface_hub reads.</content>
public sealed partial record HubOptions
{
    internal const string TokenVariable = "HF_TOKEN", OldTokenVariable = "HUGGING_FACE_HUB_TOKEN";

    /// <summary>Options from HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_HUB_OFFLINE and the other variables, and from the token
    /// file.</summary>
    /// <exception cref="LapidaryException">A variable has an invalid value, or the token file cannot be read.</exception>
    public static HubOptions FromEnvironment() => FromVariables(
        Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>Like <see cref="FromEnvironment"/>, with given variables and a given home folder.</summary>
    internal static HubOptions FromVariables(Func<string, string?> variables, string userFolder)
    {
        string? Variable(string name) => variables(name) is { } value && value.Trim().Length > 0 ? value.Trim() : null;
        string? Folder(string name) => Variable(name) is { } value ? Expanded(value, variables, userFolder) : null;
        bool Flag(string name) => Variable(name) is { } value && IsTrue(name, value);
        TimeSpan Seconds(string name, TimeSpan fallback) => Variable(name) is { } value ? ToSeconds(name, value) : fallback;

        string home = Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(userFolder, ".cache"), "huggingface");
        var options = new HubOptions
        {
            HomeFolder = home,
            CacheFolder = Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub"),
            Endpoint = Variable("HF_ENDPOINT") is { } endpoint ? ToEndpoint(endpoint) : DefaultEndpoint,
            IsOffline = Flag("HF_HUB_OFFLINE") || Flag("TRANSFORMERS_OFFLINE"),
            IsWithoutLinks = Flag("HF_HUB_DISABLE_SYMLINKS"),
            IsUserAgentShort = Flag("HF_HUB_DISABLE_TELEMETRY") || Flag("DISABLE_TELEMETRY") || Flag("DO_NOT_TRACK"),
        };
        options = options with
        {
            TokenFile = Folder("HF_TOKEN_PATH") ?? options.TokenFile,
            MetadataTimeout = Seconds("HF_HUB_ETAG_TIMEOUT", options.MetadataTimeout),
            TransferTimeout = Seconds("HF_HUB_DOWNLOAD_TIMEOUT", options.TransferTimeout),
        };
        if (Flag("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return options;
        return options with { Token = FindToken(options.TokenFile, Variable) };
    }

    private static HubToken? FindToken(string tokenFile, Func<string, string?> variable)
    {
        foreach (string name in (string[])[TokenVariable, OldTokenVariable])
            if (variable(name) is { } value) return ToToken(value, name);
        if (!File.Exists(tokenFile)) return null;
        string text;
        try
        {
            text = File.ReadAllText(tokenFile).Trim();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(tokenFile, e);
        }

        return text.Length > 0 ? ToToken(text, tokenFile) : null;
    }

    /// <remarks>The header must be one line of ASCII. The token's text is never shown.</remarks>
    private static HubToken ToToken(string value, string source) => value.All(c => c is > ' ' and < '\x7f')
        ? new HubToken(value, source)
        : throw new LapidaryException($"{source}: expected a token of letters, digits and '_', found other characters; paste it again.");

    private static string Expanded(string path, Func<string, string?> variables, string userFolder)
    {
        string text = Name().Replace(path, match => variables(match.Groups[1].Value + match.Groups[2].Value) ?? match.Value);
        if (text == "~") text = userFolder;
        else if (text.StartsWith("~/", StringComparison.Ordinal) || text.StartsWith(@"~\", StringComparison.Ordinal))
            text = Path.Combine(userFolder, text[2..]);
        return Path.GetFullPath(text);
    }

    private static bool IsTrue(string name, string value) => value.ToUpperInvariant() switch
    {
        "1" or "ON" or "YES" or "TRUE" => true,
        "0" or "OFF" or "NO" or "FALSE" => false,
        _ => throw new LapidaryException($"{name}: expected 1 or 0, found \"{value}\"; correct the variable."),
    };

    private static TimeSpan ToSeconds(string name, string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and < 1e6
            ? TimeSpan.FromSeconds(seconds)
            : throw new LapidaryException($"{name}: expected a number of seconds above 0, found \"{value}\"; correct the variable.");

    private static Uri ToEndpoint(string value) =>
        Uri.TryCreate(value.TrimEnd('/'), UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0
            && uri.Query.Length == 0 && uri.Fragment.Length == 0
            ? uri
            : throw new LapidaryException(
                "HF_ENDPOINT: expected an address such as https://huggingface.co, without a name, a password or a query, found another "
                + "text; correct the variable.");

    [GeneratedRegex(@"\$(?:\{(\w+)\}|(\w+))")]
    private static partial Regex Name();
}
