namespace Lapidary.Gemma;

/// <summary>Why a generated text ended.</summary>
public enum FinishReason
{
    /// <summary>A stop token, or the caller.</summary>
    Stop,

    /// <summary>The largest number of new tokens.</summary>
    Length,
}
