namespace Lapidary.Engine;

/// <summary>How two GPUs of a machine reach each other, the slowest first.</summary>
public enum CudaLink
{
    /// <summary>Through the host's memory.</summary>
    Host,

    /// <summary>Directly, over PCI Express.</summary>
    Pcie,

    /// <summary>Directly, over NVLink.</summary>
    NVLink,
}
