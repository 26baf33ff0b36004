using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Settings;

/// <summary>How the GPUs of this machine reach each other.</summary>
internal static class GpuLinks
{
    /// <summary>"NVLink": the slowest link between any two of some GPUs; null where they are fewer, or do not
    /// tell.</summary>
    public static string? Slowest(IReadOnlyList<CudaDevice> gpus)
    {
        if (gpus.Count < 2) return null;
        try
        {
            var links = from one in gpus from other in gpus where one.Ordinal != other.Ordinal select one.LinkTo(other);
            return links.Min() switch { CudaLink.NVLink => "NVLink", CudaLink.Pcie => "PCI Express", _ => "the host's memory" };
        }
        catch (LapidaryException)
        {
            return null;
        }
    }
}
