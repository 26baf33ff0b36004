using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Conversion;
using Lapidary.Hub;

namespace Lapidary.Gemma;

/// <summary>How an adapter is merged into its base.</summary>
public sealed record MergeOptions
{
    /// <summary>Type of the merged weights; null for that of the base.</summary>
    public DType? DType { get; init; }

    /// <summary>Whether projections start from their NF4 values, on which the adapter was trained, instead of the base's original values. A
    /// bitsandbytes-4bit base has NF4 values only.</summary>
    public bool FromNf4 { get; init; }

    /// <summary>With <see cref="FromNf4"/>, quantize the scales too. Must be as in training.</summary>
    public bool DoubleQuant { get; init; } = new Nf4Options().DoubleQuant;

    /// <summary>Bytes per file, see <see cref="ByteSize.Parse"/>; the guide's 2 GB.</summary>
    public long MaxShardBytes { get; init; } = ConvertedFolder.MaxShardBytes;

    /// <summary>Folder or id of the tokenizer and chat template that the merged model gets; null for the adapter's, or else the
    /// base's.</summary>
    public string? TokenizerFolder { get; init; }

    /// <summary>Fetches the files of ids; null for a client that the environment describes.</summary>
    public HubClient? Hub { get; init; }

    /// <summary>Text on which the merged model is compared with base and adapter; fixed tokens are used if there is no tokenizer.</summary>
    public string CheckText { get; init; } = "The lapidary cuts the stone until it shines.";

    /// <summary>Replace a model in the output folder.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Ends the work with an <see cref="OperationCanceledException"/> and leaves no files.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Called with notes about parts of the base or the adapter that are not used as their files state.</summary>
    public Action<string>? OnNote { get; init; }

    /// <summary>The base's name for the model card, if it was given as an id and fetched before.</summary>
    internal string? BaseName { get; init; }

    /// <summary>The adapter's name, likewise.</summary>
    internal string? AdapterName { get; init; }

    /// <summary>Told of each tensor merged, then of each layer that is loaded for the comparison.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }
}
