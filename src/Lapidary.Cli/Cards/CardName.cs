using System.Globalization;

namespace Lapidary.Cli.Cards;

/// <summary>The name of a card, as people or nvidia-smi write it: "t4", "Tesla T4", "NVIDIA A100-SXM4-80GB".</summary>
/// <param name="Chip">What tells cards apart, in lower case without spaces: "a100", "rtx4060laptop".</param>
/// <param name="Gigabytes">Its memory, where the name has it.</param>
internal readonly record struct CardName(string Chip, int? Gigabytes)
{
    private static readonly string[] Makers = ["nvidia", "geforce", "tesla", "gpu"];

    /// <summary>Words of the driver's names that say how a card is built in.</summary>
    private static readonly string[] Builds =
        ["sxm", "sxm2", "sxm3", "sxm4", "sxm5", "pcie", "hbm2", "hbm2e", "hbm3", "hbm3e", "generation", "with", "max", "q", "design"];

    /// <summary>Reads a name of the driver, whose words for the build do not count.</summary>
    public static CardName OfDriver(string name) => Of(Words(name).Where(word => !Builds.Contains(word)));

    /// <summary>Reads a name of <see cref="GpuCards"/>.</summary>
    public static CardName OfTable(string name) => Of(Words(name));

    /// <summary>A name without its maker, spaces and hyphens.</summary>
    public static string Plain(string name) => string.Concat(Words(name));

    private static CardName Of(IEnumerable<string> all)
    {
        string[] words = [.. all];
        int? gigabytes = words.Select(MemoryOf).FirstOrDefault(memory => memory is not null);
        return new(string.Concat(words.Where(word => MemoryOf(word) is null)), gigabytes);
    }

    private static IEnumerable<string> Words(string name) => name.ToLowerInvariant()
        .Split([' ', '-', '_'], StringSplitOptions.RemoveEmptyEntries).Where(word => !Makers.Contains(word));

    /// <summary>80 of "80gb".</summary>
    private static int? MemoryOf(string word) => word.EndsWith("gb", StringComparison.Ordinal)
        && int.TryParse(word.AsSpan(0, word.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out int gigabytes)
            ? gigabytes : null;
}
