namespace Lapidary.Gemma;

/// <summary>The tokens that a decoder layer's attention can see.</summary>
public enum LayerType
{
    /// <summary>"sliding_attention": the last sliding_window tokens, itself included; local rope base.</summary>
    Sliding,

    /// <summary>"full_attention": everything before; global rope base.</summary>
    Full,
}
