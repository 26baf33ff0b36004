namespace Lapidary.Training;

/// <summary>Which layers keep only their input and are computed again on the way back.</summary>
public enum GradientCheckpointing
{
    /// <summary>As few as memory allows.</summary>
    Auto,

    /// <summary>All: the least memory, about a third more work.</summary>
    True,

    /// <summary>None.</summary>
    False,
}
