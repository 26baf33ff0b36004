namespace Lapidary.Engine;

/// <summary>The parameters of an attention layer, apart from its tensors.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads; query head h uses head h · KvHeads / Heads.</param>
/// <param name="HeadDim">Elements per head.</param>
/// <param name="Window">Tokens visible to a token, itself included; <see cref="int.MaxValue"/> for all before it.</param>
/// <param name="Scale">Factor of the scores: query_pre_attn_scalar^(−½).</param>
public sealed record AttentionShape(int Heads, int KvHeads, int HeadDim, int Window, float Scale);
