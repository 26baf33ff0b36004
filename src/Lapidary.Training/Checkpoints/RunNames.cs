using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Lapidary.Training.Checkpoints;

/// <summary>The names that a run uses in its folder. A run moves or deletes nothing else there.</summary>
internal static partial class RunNames
{
    /// <summary>In place of a checkpoint's folder: the newest one in the output folder.</summary>
    public const string Latest = "latest";

    /// <summary>The adapter that a run started from, if the run replaced the folder that held it.</summary>
    public const string InitialAdapter = "initial-adapter";

    /// <summary>Under a temporary name, the tokenizer that the run's checkpoints get.</summary>
    public const string Tokenizer = "tokenizer";

    /// <summary>The description of the run and its results.</summary>
    public const string Manifest = "manifest.json";

    /// <summary>The staging folder of a push to the Hub, under a temporary name.</summary>
    public const string Push = "push";

    /// <summary>The folder of TensorBoard events.</summary>
    public const string Events = "runs";

    private const string Prefix = "checkpoint-", Temporary = ".tmp-", Replaced = ".old-", Aside = "replaced-", Part = ".part";

    /// <summary>The folder of a step's checkpoint.</summary>
    public static string Checkpoint(int step) => Prefix + step.ToString(CultureInfo.InvariantCulture);

    /// <summary>The step of a checkpoint's folder; null for any other name.</summary>
    public static int? StepOf(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step)
        && Checkpoint(step) == name
            ? step
            : null;

    /// <summary>The name of a folder while it is written or deleted.</summary>
    public static string TemporaryOf(string name) => name + Temporary + RandomHex();

    /// <summary>The name of a checkpoint while another one takes its place.</summary>
    public static string ReplacedOf(string name) => name + Replaced + RandomHex();

    /// <summary>Whether a name comes from <see cref="TemporaryOf"/>.</summary>
    public static bool IsTemporary(string name) => OriginalOf(name, Temporary) is { } original && IsOwn(original);

    /// <summary>The original of a name from <see cref="ReplacedOf"/>; null for any other name.</summary>
    public static string? OriginalOfReplaced(string name) =>
        OriginalOf(name, Replaced) is { } original && StepOf(original) is not null ? original : null;

    /// <summary>A folder for the files of an earlier run. It has its <see cref="PartOf"/> name until all of them are in it.</summary>
    public static string NewAside() => Aside + RandomHex();

    /// <summary>The name while files move into the folder or out of it.</summary>
    public static string PartOf(string aside) => aside + Part;

    /// <summary>Whether a name comes from <see cref="NewAside"/>.</summary>
    public static bool IsAside(string name) => AsideName().IsMatch(name);

    /// <summary>Whether a name comes from <see cref="PartOf"/>.</summary>
    public static bool IsPartOfAside(string name) => name.EndsWith(Part, StringComparison.Ordinal) && IsAside(name[..^Part.Length]);

    private static bool IsOwn(string name) => StepOf(name) is not null || name is InitialAdapter or Tokenizer or Push || IsAside(name);

    private static string? OriginalOf(string name, string mark)
    {
        int at = name.LastIndexOf(mark, StringComparison.Ordinal);
        return at > 0 && EightHex().IsMatch(name.AsSpan(at + mark.Length)) ? name[..at] : null;
    }

    private static string RandomHex() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    [GeneratedRegex(@"\A[0-9a-f]{8}\z", RegexOptions.CultureInvariant)]
    private static partial Regex EightHex();

    [GeneratedRegex(@"\Areplaced-[0-9a-f]{8}\z", RegexOptions.CultureInvariant)]
    private static partial Regex AsideName();
}
