namespace Lapidary.Engine;

/// <summary>The norms of queries and keys.</summary>
/// <param name="Q">[headDim]: q_norm.</param>
/// <param name="K">[headDim]: k_norm.</param>
/// <param name="Epsilon">rms_norm_eps.</param>
public sealed record QkNorms(Tensor Q, Tensor K, float Epsilon);
