using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Lora;

/// <summary>PEFT's regular expressions over module names. They come from files, so every match has a time limit.</summary>
internal static class ModulePattern
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    /// <summary>Whether the pattern matches the whole module name.</summary>
    public static bool IsFullMatch(string option, string pattern, string module) =>
        Match(option, pattern, $@"\A(?:{pattern})\z", module).Success;

    /// <summary>Whether the pattern matches the module name from its start or from behind a dot, to its end.</summary>
    public static bool IsSuffixMatch(string option, string pattern, string module) =>
        Match(option, pattern, $@"\A(?:.*\.)?(?:{pattern})\z", module).Success;

    /// <summary>The number behind "layers." (or the given parent), or null.</summary>
    public static int? NumberBehind(string option, string parent, string module)
    {
        var match = Match(option, parent, $@"\A.*\.(?:{parent})\.(?<number>[0-9]{{1,9}})\.", module);
        return match.Success ? int.Parse(match.Groups["number"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) : null;
    }

    private static Match Match(string option, string shown, string pattern, string module)
    {
        try
        {
            // As it was given too: "a)|(b" is no expression, though it makes one of what stands around it.
            _ = Regex.IsMatch("", shown, RegexOptions.CultureInvariant, Timeout);
            return Regex.Match(module, pattern, RegexOptions.CultureInvariant, Timeout);
        }
        catch (RegexParseException e)
        {
            string fault = JsonNamingPolicy.SnakeCaseLower.ConvertName(e.Error.ToString()).Replace('_', ' ');
            throw Error(option, $"a regular expression, found \"{FileErrors.OneLine(shown)}\" ({fault}); correct the pattern.", e);
        }
        catch (RegexMatchTimeoutException e)
        {
            string limit = $"a pattern that matches within {Timeout.TotalSeconds:F0} s";
            throw Error(option, $"{limit}, found \"{FileErrors.OneLine(shown)}\"; simplify the pattern.", e);
        }
    }

    /// <summary>The option is a key of the message, not a value in it.</summary>
    private static LapidaryException Error(string option, string expected, Exception inner) =>
        new(option + ": expected " + expected, inner);
}
