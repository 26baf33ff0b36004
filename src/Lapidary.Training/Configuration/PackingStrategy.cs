namespace Lapidary.Training;

/// <summary>How examples share sequences of fixed length.</summary>
public enum PackingStrategy
{
    /// <summary>One example per sequence.</summary>
    None,

    /// <summary>Best-fit decreasing: whole examples, longest first, each into the fullest sequence it fits in.</summary>
    Bfd,

    /// <summary>All examples in one run, cut every max_length tokens; the last sequence may be short.</summary>
    Wrapped,
}
