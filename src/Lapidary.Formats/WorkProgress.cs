namespace Lapidary.Formats;

/// <summary>How far a work is that takes long: loading, tokenizing, quantizing, merging.</summary>
/// <param name="Work">What is done, such as "loading weights"; the same text until it ends.</param>
/// <param name="Done">Units done.</param>
/// <param name="Total">Units in all; 0 where that is not known.</param>
/// <param name="Unit">What is counted, in the plural: "layers", "rows", "tensors".</param>
public readonly record struct WorkProgress(string Work, long Done, long Total, string Unit);
