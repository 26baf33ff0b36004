namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>A weight's values in the type of activations.</summary>
/// <param name="Address">Of its first row.</param>
/// <param name="Pitch">Elements from a row to the next.</param>
internal readonly record struct DecodedRows(nint Address, int Pitch);
