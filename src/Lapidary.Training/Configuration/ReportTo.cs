namespace Lapidary.Training;

/// <summary>Where a run writes its log, besides the screen.</summary>
public enum ReportTo
{
    /// <summary>TensorBoard event files in the output folder's runs.</summary>
    Tensorboard,

    /// <summary>Nowhere.</summary>
    None,
}
