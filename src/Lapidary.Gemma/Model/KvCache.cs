using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma;

/// <summary>Keys and values of the text so far, per layer. A local layer keeps only its sliding window: token p is in slot p mod
/// capacity.</summary>
public sealed class KvCache : IDisposable
{
    private readonly MemoryRegion _region;
    private readonly Layer[] _layers;

    /// <summary>Allocates a cache for texts of up to <paramref name="maxLength"/> tokens.</summary>
    /// <exception cref="LapidaryException">Not enough memory.</exception>
    public KvCache(GemmaConfig config, IBackend backend, int maxLength)
    {
        _region = new MemoryRegion(backend.Memory, MemoryOwner.KvCache);
        MaxLength = maxLength;
        _layers = new Layer[config.NumHiddenLayers];
        long dim = (long)config.NumKeyValueHeads * config.HeadDim;
        try
        {
            Position = _region.New("position", DType.Int32, 1);
            for (int i = 0; i < _layers.Length; i++)
            {
                int capacity = config.LayerTypes[i] == LayerType.Sliding ? Math.Min(maxLength, config.SlidingWindow) : maxLength;
                _layers[i] = new Layer(
                    _region.New($"keys.{i}", backend.ActivationDType, capacity, dim),
                    _region.New($"values.{i}", backend.ActivationDType, capacity, dim),
                    Position);
            }
        }
        catch
        {
            _region.Dispose();
            throw;
        }
    }

    /// <summary>Longest text that fits, in tokens.</summary>
    public int MaxLength { get; }

    /// <summary>Int32 [1]: position of the first token of the next step.</summary>
    public Tensor Position { get; }

    /// <summary>Bytes held.</summary>
    public long LengthBytes => _region.LengthBytes;

    /// <summary>The cache of one layer.</summary>
    internal Layer this[int layer] => _layers[layer];

    /// <inheritdoc/>
    public void Dispose() => _region.Dispose();

    /// <summary>One layer's keys and values.</summary>
    internal sealed class Layer(Tensor keys, Tensor values, Tensor position)
    {
        /// <summary>Stores k and v, then attends: a single token over the cache, a prompt (which starts at position 0) over
        /// itself.</summary>
        public Tensor Attend(Tape tape, Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape)
        {
            tape.Run(ops => ops.KvAppend(k, v, position, keys, values));
            if (q.AsRows().Rows > 1) return Ops.Attention(tape, q, k, v, documentStarts, shape);
            var o = tape.New(q.Shape);
            tape.Run(ops => ops.AttentionDecode(q, keys, values, position, shape, o));
            return o;
        }
    }
}
