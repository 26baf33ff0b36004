using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;

namespace Lapidary.Cli.Scaling;

/// <summary>The connection between the devices of a run, given by its slowest link.</summary>
/// <param name="Name">As typed.</param>
/// <param name="BytesPerSecond">Bus bandwidth of large all-reduces, as nccl-tests count it: 2 · (n − 1) / n · bytes / seconds.</param>
/// <param name="JoinsNodes">Whether it is a network between nodes.</param>
internal sealed record Link(string Name, double BytesPerSecond, bool JoinsNodes)
{
    /// <summary>Unit of a number of bytes per second: 44GB/s.</summary>
    private const string PerSecond = "/s";

    /// <summary>Speed of NVLink between two GPUs, which use fewer channels than a larger group.</summary>
    private const double PairBytesPerSecond = 333e9;

    /// <summary>Measured on H100 and H200, without NVLS.</summary>
    public static Link NvLink { get; } = new("nvlink", 363e9, JoinsNodes: false);

    /// <summary>One network port of 400 Gb/s per node, the least in most clusters.</summary>
    public static Link Network { get; } = new("400G", 44e9, JoinsNodes: true);

    /// <summary>The named links, from within a node outwards. All except NVLink's are estimates.</summary>
    public static IReadOnlyList<Link> All { get; } =
    [
        NvLink, new("pcie", 20e9, JoinsNodes: false), new("100G", 11e9, JoinsNodes: true), Network,
        new("8x400G", 340e9, JoinsNodes: true),
    ];

    /// <summary>The placeholder of a value in the help text.</summary>
    public static string ValueName { get; } = string.Join('|', [.. All.Select(link => link.Name), "44GB/s"]);

    /// <summary>Bandwidth between a number of ranks.</summary>
    public double BytesPerSecondOf(int ranks) => this == NvLink && ranks == 2 ? PairBytesPerSecond : BytesPerSecond;

    /// <summary>Parses a name, or bytes per second: 44GB/s.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static Link Parse(string text)
    {
        if (All.FirstOrDefault(link => link.Name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known) return known;
        if (text.EndsWith(PerSecond, StringComparison.Ordinal)
            && ByteSize.TryParse(text[..^PerSecond.Length], out long bytes) && bytes > 0)
            return new Link(text, bytes, JoinsNodes: false);
        throw SettingText.Expected($"{string.Join(", ", All.Select(link => link.Name))} or bytes per second such as 44GB/s", text);
    }

    /// <summary>"400G (44 GB/s)".</summary>
    public override string ToString() =>
        Name.EndsWith(PerSecond, StringComparison.Ordinal)
            ? Name
            : string.Create(CultureInfo.InvariantCulture, $"{Name} ({BytesPerSecond / 1e9:0.#} GB/s)");
}
