using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Conversion;
using Lapidary.Hub;

namespace Lapidary.Gemma;

/// <summary>How a checkpoint is stored in 4 bits.</summary>
public sealed record QuantizeOptions
{
    /// <summary>Quantize the scales too (bnb_4bit_use_double_quant).</summary>
    public bool DoubleQuant { get; init; } = new Nf4Options().DoubleQuant;

    /// <summary>Bytes per file, see <see cref="ByteSize.Parse"/>.</summary>
    public long MaxShardBytes { get; init; } = ConvertedFolder.MaxShardBytes;

    /// <summary>Replace a model in the output folder.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Fetches the files of an id; null for a client that the environment describes.</summary>
    public HubClient? Hub { get; init; }

    /// <summary>Ends the work with an <see cref="OperationCanceledException"/> and leaves no files.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Told of each projection quantized, then of each tensor written.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }
}
