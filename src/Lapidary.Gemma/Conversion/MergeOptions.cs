using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Conversion;
using Lapidary.Hub;

namespace Lapidary.Gemma;

/// <summary>How an adapter is merged into its base.</summary>
public sealed record MergeOptions
{
    /// <summary>Type of the merged weights; null for the base's own.</summary>
    public DType? DType { get; init; }

    /// <summary>Whether projections start from their NF4 values, which are what the adapter was trained on, rather than from the base's
    /// own. A bitsandbytes-4bit base has no others.</summary>
    public bool FromNf4 { get; init; }

    /// <summary>Quantize NF4's scales too, where <see cref="FromNf4"/>: as in training.</summary>
    public bool DoubleQuant { get; init; } = new Nf4Options().DoubleQuant;

    /// <summary>Bytes per file, see <see cref="ByteSize.Parse"/>; the guide's 2 GB.</summary>
    public long MaxShardBytes { get; init; } = ConvertedFolder.MaxShardBytes;

    /// <summary>Folder or id of the tokenizer and chat template that the merged model gets; null for the adapter's, or else the
    /// base's.</summary>
    public string? TokenizerFolder { get; init; }

    /// <summary>Fetches the files of ids; null for a client that the environment describes.</summary>
    public HubClient? Hub { get; init; }

    /// <summary>Text on which the merged model is compared with base and adapter; fixed tokens where there is no tokenizer.</summary>
    public string CheckText { get; init; } = "The lapidary cuts the stone until it shines.";

    /// <summary>Replace a model that is in the output folder.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Ends the work with an <see cref="OperationCanceledException"/>, and nothing of it is left.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Told what of the base or the adapter does not come as its files say.</summary>
    public Action<string>? OnNote { get; init; }

    /// <summary>Told of each tensor merged, then of each layer that is loaded for the comparison.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }
}
