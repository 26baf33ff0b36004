using Lapidary.Formats;

namespace Lapidary.Cli.Cards;

/// <summary>The cards that plans know.</summary>
/// <remarks>Memory, bandwidth and multiprocessors are those of NVIDIA's data sheets and architecture papers. Rates of cards for data
/// centers and workstations are theirs too; those of GeForce are multiprocessors × boost clock × 512, half of a data center card's,
/// because GeForce sums in fp32 at half the rate. Laptops differ in watts, so they have none. A T4 keeps up 20 TFLOP/s under its 70 W:
/// less than a third.</remarks>
internal static class GpuCards
{
    /// <summary>TFLOP/s of a multiprocessor of Turing without tensor cores, by the 0.5 that cuBLAS was measured at on a GTX 1660 Super
    /// (pytorch, issue 121957).</summary>
    private const double RateWithoutTensorCores = 0.5 / 22;

    /// <summary>All of them, the oldest first.</summary>
    public static IReadOnlyList<GpuCard> All { get; } =
    [
        new("p100", 6, 0, 56, 16, 732, null),
        new("v100", 7, 0, 80, 16, 900, 125),
        WithoutTensorCores("gtx-1650", 14, 4, 128),
        WithoutTensorCores("gtx-1650-super", 20, 4, 192),
        WithoutTensorCores("gtx-1660", 22, 6, 192),
        WithoutTensorCores("gtx-1660-super", 22, 6, 336),
        WithoutTensorCores("gtx-1660-ti", 24, 6, 288),
        WithoutTensorCores("t1000", 14, 4, 160),
        new("t500", 7, 5, 14, 4, 80, null),
        new("mx450", 7, 5, 14, 2, 64, null),
        new("t4", 7, 5, 40, 16, 320, 65) { SustainedTeraflops = 20, ReportedGibibytes = 14.74 },
        new("rtx-2060", 7, 5, 30, 6, 336, 25.8),
        new("rtx-2070", 7, 5, 36, 8, 448, 29.9),
        new("rtx-2080", 7, 5, 46, 8, 448, 40.3),
        new("rtx-2080-ti", 7, 5, 68, 11, 616, 53.8),
        new("quadro-rtx-6000", 7, 5, 72, 24, 672, 130.5) { ReportedGibibytes = 23.6 },
        new("titan-rtx", 7, 5, 72, 24, 672, 130.5) { ReportedGibibytes = 23.6 },
        new("a100-40gb", 8, 0, 108, 40, 1555, 312),
        new("a100-80gb", 8, 0, 108, 80, 2039, 312),
        new("rtx-3060-laptop", 8, 6, 30, 6, 336, null),
        new("rtx-3060", 8, 6, 28, 12, 360, 25.5),
        new("rtx-3070", 8, 6, 46, 8, 448, 40.6),
        new("rtx-3080", 8, 6, 68, 10, 760, 59.5),
        new("rtx-3090", 8, 6, 82, 24, 936, 71.2),
        new("a10", 8, 6, 72, 24, 600, 125) { ReportedGibibytes = 22.5 },
        new("a10g", 8, 6, 80, 24, 600, 70) { ReportedGibibytes = 22.5 },
        new("a40", 8, 6, 84, 48, 696, 149.7) { ReportedGibibytes = 45 },
        new("rtx-a6000", 8, 6, 84, 48, 768, 154.8) { ReportedGibibytes = 47.5 },
        new("rtx-4050-laptop", 8, 9, 20, 6, 192, null),
        new("rtx-4060-laptop", 8, 9, 24, 8, 256, null),
        new("rtx-4080-laptop", 8, 9, 58, 12, 432, null),
        new("rtx-4060", 8, 9, 24, 8, 272, 30.2),
        new("rtx-4060-ti-16gb", 8, 9, 34, 16, 288, 44.1),
        new("rtx-4070", 8, 9, 46, 12, 504, 58.3),
        new("rtx-4080", 8, 9, 76, 16, 717, 97.5),
        new("rtx-4090", 8, 9, 128, 24, 1008, 165.2),
        new("l4", 8, 9, 58, 24, 300, 121) { ReportedGibibytes = 22.5 },
        new("l40s", 8, 9, 142, 48, 864, 362) { ReportedGibibytes = 45 },
        new("rtx-6000-ada", 8, 9, 142, 48, 960, 364.2) { ReportedGibibytes = 47.5 },
        new("h100-pcie", 9, 0, 114, 80, 2039, 756) { ReportedGibibytes = 79.6 },
        new("h100", 9, 0, 132, 80, 3350, 989) { ReportedGibibytes = 79.6 },
        new("h200", 9, 0, 132, 141, 4800, 989) { ReportedGibibytes = 140 },
        new("rtx-5060-laptop", 12, 0, 26, 8, 384, null),
        new("rtx-5090-laptop", 12, 0, 82, 24, 896, null),
        new("rtx-5060", 12, 0, 30, 8, 448, 38.4),
        new("rtx-5070", 12, 0, 48, 12, 672, 61.7),
        new("rtx-5080", 12, 0, 84, 16, 960, 112.6),
        new("rtx-5090", 12, 0, 170, 32, 1792, 209.5),
    ];

    /// <summary>The card of a name, in any case, with spaces or without, also as nvidia-smi shows it; null if there is none, or several.
    /// </summary>
    public static GpuCard? Find(string name) =>
        All.FirstOrDefault(card => CardName.Plain(card.Name) == CardName.Plain(name)) ?? FindOfDriver(CardName.OfDriver(name));

    private static GpuCard WithoutTensorCores(string name, int multiprocessors, double gigabytes, double bandwidth) =>
        new(name, 7, 5, multiprocessors, gigabytes, bandwidth, null) { SustainedTeraflops = multiprocessors * RateWithoutTensorCores };

    private static GpuCard? FindOfDriver(CardName typed)
    {
        GpuCard[] alike = [.. All.Where(card => CardName.OfTable(card.Name).Chip == typed.Chip
            && (typed.Gigabytes is null || typed.Gigabytes == card.MemoryGigabytes))];
        return alike.Length == 1 ? alike[0] : null;
    }

    /// <summary>Names that may have been meant: those that begin so ("a100") or have the number ("4090"), else the nearest.</summary>
    public static string? Near(string name)
    {
        string plain = CardName.OfDriver(name).Chip;
        string[] names = [.. All.Select(card => card.Name)];
        bool isNumber = plain.Length > 2 && plain.All(char.IsAsciiDigit);
        string[] longer = [.. names.Where(each => plain.Length > 1 && CardName.Plain(each) is var other
            && (other.StartsWith(plain, StringComparison.Ordinal) || (isNumber && other.Contains(plain, StringComparison.Ordinal))))];
        return longer.Length is > 0 and <= 3 ? string.Join(" or ", longer) : NearestName.Of(plain, names);
    }
}
