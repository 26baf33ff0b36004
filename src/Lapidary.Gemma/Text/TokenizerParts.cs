using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Text;

/// <summary>The content of a tokenizer.json.</summary>
internal sealed record TokenizerParts
{
    /// <summary>XXH128 of the file.</summary>
    public required UInt128 Hash { get; init; }

    /// <summary>The model's pieces, before added tokens.</summary>
    public required Vocabulary Vocabulary { get; init; }

    /// <summary>The merges.</summary>
    public required MergeTable Merges { get; init; }

    /// <summary>Whether a merge has a byte piece or unk as a part.</summary>
    public required bool HasOpaqueMerges { get; init; }

    /// <summary>Added tokens in file order.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>The space's replacement, if any.</summary>
    public required CharMap? Normalizer { get; init; }

    /// <summary>Ids of the pieces &lt;0x00&gt; … &lt;0xFF&gt;, -1 where absent; null without byte fallback.</summary>
    public required int[]? Bytes { get; init; }

    /// <summary>Id that stands for unknown characters.</summary>
    public required int? Unknown { get; init; }

    /// <summary>Whether neighbouring unknown characters become one token.</summary>
    public required bool FuseUnknown { get; init; }

    /// <summary>Ids that the post-processor puts before a text.</summary>
    public required int[] Before { get; init; }

    /// <summary>Ids that the post-processor puts after a text.</summary>
    public required int[] After { get; init; }

    /// <summary>How pieces become text.</summary>
    public required PieceDecoding Decoding { get; init; }
}

/// <summary>A token that is matched in the text before the model sees it.</summary>
internal sealed record AddedToken(string Content, int Id, bool Special, bool Normalized);
