using System.Collections.Immutable;
using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Gemma.Weights;

/// <summary>A tensor that a model of some configuration must have.</summary>
/// <param name="Name">Canonical name, see <see cref="TensorNames"/>.</param>
/// <param name="Shape">Sizes, outermost first.</param>
internal sealed record GemmaTensor(string Name, ImmutableArray<long> Shape)
{
    /// <summary>The module whose weight it is: model.layers.0.self_attn.q_proj.</summary>
    public string Module => Name[..^TensorNames.WeightSuffix.Length];
}

/// <summary>The tensors of a Gemma 3 decoder: names and shapes that follow from its configuration alone.</summary>
internal static class GemmaTensors
{
    /// <summary>The embedding table.</summary>
    public static GemmaTensor Embedding(GemmaConfig config) => new(TensorNames.Embedding, [config.VocabSize, config.HiddenSize]);

    /// <summary>The output matrix, if it is not the embedding.</summary>
    public static GemmaTensor Head(GemmaConfig config) => new(TensorNames.Head, [config.VocabSize, config.HiddenSize]);

    /// <summary>The norm after the last layer.</summary>
    public static GemmaTensor Norm(GemmaConfig config) => new(TensorNames.Norm, [config.HiddenSize]);

    /// <summary>Refuses weights with more layers than config.json, which would otherwise be ignored silently.</summary>
    /// <exception cref="LapidaryException">The weights have more layers.</exception>
    public static void RequireLayers(Checkpoint checkpoint, GemmaConfig config)
    {
        int layers = 0;
        foreach (var entry in checkpoint.Entries)
        {
            if (!TensorNames.TryNormalize(entry.Name, out string? name)) continue;
            if (!name.StartsWith(TensorNames.Layers, StringComparison.Ordinal)) continue;
            string number = name[TensorNames.Layers.Length..].Split('.')[0];
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int layer)) layers = Math.Max(layers, layer + 1);
        }

        if (layers > config.NumHiddenLayers)
        {
            throw new LapidaryException(
                $"{checkpoint.Folder}: num_hidden_layers of {GemmaConfig.FileName} is {config.NumHiddenLayers}, but the weights hold "
                + $"{layers} layers; take the config.json that belongs to them.");
        }
    }

    /// <summary>All tensors in the model's order; lm_head only when it is not tied to the embedding.</summary>
    public static IEnumerable<GemmaTensor> Of(GemmaConfig config)
    {
        yield return Embedding(config);
        foreach (var layer in Layers(config))
        {
            foreach (var tensor in layer.All) yield return tensor;
        }

        yield return Norm(config);
        if (!config.TieWordEmbeddings) yield return Head(config);
    }

    /// <summary>The tensors of each layer, in order.</summary>
    public static IEnumerable<LayerTensors> Layers(GemmaConfig config) =>
        Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new LayerTensors(config, layer));

    /// <summary>Every norm's weight, in order.</summary>
    public static IEnumerable<GemmaTensor> Norms(GemmaConfig config) => Layers(config).SelectMany(layer => layer.Norms).Append(Norm(config));
}
