using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma.Model;

/// <summary>Keys and values of several texts, each in its slot, per layer. The token at position p of a text lies in entry p mod capacity
/// of its slot. A local layer's slot holds its sliding window, and room for the tokens of one step.</summary>
internal sealed class KvCache : IDisposable
{
    private readonly MemoryRegion _region;
    private readonly Layer[] _layers;

    /// <summary>Allocates a cache.</summary>
    /// <param name="config">Sizes of the model.</param>
    /// <param name="backend">The device.</param>
    /// <param name="slots">Number of texts.</param>
    /// <param name="maxLength">Most tokens of a text.</param>
    /// <param name="maxStepLength">Most tokens of one text in one step.</param>
    /// <exception cref="LapidaryException">Not enough memory.</exception>
    public KvCache(GemmaConfig config, IBackend backend, int slots, int maxLength, int maxStepLength)
    {
        (Slots, MaxLength, Window) = (slots, maxLength, config.SlidingWindow);
        LocalCapacity = LocalCapacityOf(config, maxLength, maxStepLength);
        _region = new MemoryRegion(backend.Memory, MemoryOwner.KvCache);
        _layers = new Layer[config.NumHiddenLayers];
        long dim = (long)config.NumKeyValueHeads * config.HeadDim;
        try
        {
            for (int i = 0; i < _layers.Length; i++)
            {
                int capacity = config.LayerTypes[i] == LayerType.Sliding ? LocalCapacity : maxLength;
                _layers[i] = new Layer(
                    _region.New($"keys.{i}", backend.ActivationDType, slots, capacity, dim),
                    _region.New($"values.{i}", backend.ActivationDType, slots, capacity, dim));
            }
        }
        catch
        {
            _region.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of a cache; see the constructor.</summary>
    public static long LengthBytesOf(GemmaModel model, int slots, int maxLength, int maxStepLength)
    {
        var config = model.Config;
        long entry = 2L * config.NumKeyValueHeads * model.Backend.ActivationDType.LengthBytes(config.HeadDim);
        long local = LocalCapacityOf(config, maxLength, maxStepLength);
        return slots * entry * config.LayerTypes.Sum(type => type == LayerType.Sliding ? local : maxLength);
    }

    /// <summary>Number of texts.</summary>
    public int Slots { get; }

    /// <summary>Most tokens of a text.</summary>
    public int MaxLength { get; }

    /// <summary>Entries of a local layer's slot.</summary>
    private int LocalCapacity { get; }

    private int Window { get; }

    /// <summary>Whether a text can be continued after its first <paramref name="length"/> tokens, if its slot has received
    /// <paramref name="stored"/> tokens: whether no entry that the next token sees is overwritten.</summary>
    public bool CanContinue(int length, int stored) => stored - LocalCapacity <= Math.Max(0, length - Window + 1);

    /// <summary>The cache of one layer.</summary>
    public Layer this[int layer] => _layers[layer];

    /// <inheritdoc/>
    public void Dispose() => _region.Dispose();

    /// <summary>The first token of a step sees a window that ends there; the last one must not have overwritten it.</summary>
    private static int LocalCapacityOf(GemmaConfig config, int maxLength, int maxStepLength) =>
        (int)Math.Min(maxLength, (long)config.SlidingWindow + maxStepLength - 1);

    /// <summary>One layer's keys and values, [slots, capacity, kvHeads · headDim] each.</summary>
    public sealed record Layer(Tensor Keys, Tensor Values);
}
