using Lapidary.Engine;

namespace Lapidary.Cli.Cards;

/// <summary>A kind of NVIDIA GPU, for plans on other machines.</summary>
/// <param name="Name">As --gpu takes it: "rtx-4060".</param>
/// <param name="Major">Of its compute capability.</param>
/// <param name="Minor">The same.</param>
/// <param name="Multiprocessors">Their number.</param>
/// <param name="MemoryGigabytes">As it is sold.</param>
/// <param name="GigabytesPerSecond">Peak of its memory.</param>
/// <param name="Teraflops">Peak of dense products in 16 bits with sums in fp32; null where watts of a laptop decide, or without tensor
/// cores.</param>
internal sealed record GpuCard(
    string Name, int Major, int Minor, int Multiprocessors, double MemoryGigabytes, double GigabytesPerSecond, double? Teraflops)
{
    /// <summary>What the driver and a process with no memory of its own take, on a card that shows no screen.</summary>
    private const double ReservedGibibytes = 0.6;

    private const double Gibibyte = 1L << 30;

    /// <summary>Products that a long run keeps up, where that is known to be far from <see cref="Teraflops"/>.</summary>
    public double? SustainedTeraflops { get; init; }

    /// <summary>Memory that the driver reports, in GiB, where it is less than the number sold.</summary>
    public double? ReportedGibibytes { get; init; }

    /// <summary>Name on the device, by which some are refused.</summary>
    public string FullName { get; } = Name.ToUpperInvariant().Replace('-', ' ')
        .Replace(" TI", " Ti", StringComparison.Ordinal).Replace(" LAPTOP", " Laptop", StringComparison.Ordinal)
        .Replace(" SUPER", " Super", StringComparison.Ordinal).Replace(" ADA", " Ada", StringComparison.Ordinal)
        .Replace(" PCIE", " PCIe", StringComparison.Ordinal).Replace("QUADRO", "Quadro", StringComparison.Ordinal);

    /// <summary>Its compute capability.</summary>
    public ComputeCapability Capability => new(Major, Minor);

    /// <summary>All of its memory.</summary>
    public long MemoryBytes => (long)((ReportedGibibytes ?? MemoryGigabytes) * Gibibyte);

    /// <summary>Free memory for a plan. A screen, or Windows, takes more.</summary>
    public long FreeBytes => MemoryBytes - (long)(ReservedGibibytes * Gibibyte);

    /// <summary>The rate of products that an estimate assumes, in TFLOP/s.</summary>
    public double? Rate => SustainedTeraflops ?? Teraflops;

    /// <summary>The speed that an estimate assumes; null if its products' is unknown.</summary>
    public StepSpeed? Speed => Rate is { } rate ? new StepSpeed(rate * 1e12, GigabytesPerSecond * 1e9) : null;

    /// <summary>A device that only counts.</summary>
    public CudaDevice Device => CudaDevice.Like(FullName, Capability, Multiprocessors, MemoryBytes);

    /// <summary>A backend like the card that only counts.</summary>
    public IBackend CreateCounter(CudaOptions computing) => CudaBackend.CreateCounter(Device, computing);

    /// <summary>Why Lapidary is slow on it; null if it is not.</summary>
    public string? WhySlow => Device.WhySlow();

    /// <summary>Why Lapidary cannot use it; null if it can.</summary>
    public string? WhyUnsupported => Device.WhyUnsupported();

    /// <summary>"T4: compute capability 7.5, 14.7 GiB, 320 GB/s, 65 TFLOP/s".</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{FullName}: compute capability {Capability}, {MemoryBytes / Gibibyte:0.#} GiB, {GigabytesPerSecond:0} GB/s")
        + (Teraflops is { } rate ? FormattableString.Invariant($", {rate:0.#} TFLOP/s") : "");
}
