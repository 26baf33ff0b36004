namespace Lapidary.Training;

/// <summary>How examples share rows of fixed length.</summary>
public enum PackingStrategy
{
    /// <summary>One example per row.</summary>
    None,

    /// <summary>Best-fit decreasing: whole examples, longest first, each into the fullest row it fits in.</summary>
    Bfd,

    /// <summary>All examples in one run, cut every max_length tokens; the last row may be short.</summary>
    Wrapped,
}
