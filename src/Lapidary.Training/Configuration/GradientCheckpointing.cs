namespace Lapidary.Training;

/// <summary>Which layers keep only their input and are recomputed in the backward pass.</summary>
public enum GradientCheckpointing
{
    /// <summary>As few layers as memory allows.</summary>
    Auto,

    /// <summary>All layers: the least memory, about a third more work.</summary>
    True,

    /// <summary>No layer.</summary>
    False,
}
