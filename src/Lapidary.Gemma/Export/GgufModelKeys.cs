using System.Globalization;
using Lapidary.Formats.Gguf;

namespace Lapidary.Gemma.Export;

/// <summary>The keys of a GGUF file that follow from the configuration, as llama.cpp's converter writes and its loader reads
/// them.</summary>
internal static class GgufModelKeys
{
    /// <summary>The value of general.architecture and prefix of the model's keys.</summary>
    private const string Architecture = "gemma3";

    /// <summary>What general.quantization_version says of the block formats.</summary>
    private const int QuantizationVersion = 2;

    /// <summary>llama.cpp takes every sixth layer as global where a file does not say.</summary>
    private const int DefaultPattern = 6;

    /// <summary>Adds what the file is.</summary>
    /// <param name="metadata">Receives the keys.</param>
    /// <param name="folder">The model, for its makers' sampling settings.</param>
    /// <param name="name">general.name.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="parameters">Number of weights.</param>
    /// <param name="type">Type of the matrices.</param>
    public static void AddGeneral(
        GgufMetadata metadata, string folder, string name, GemmaConfig config, long parameters, GgufType type)
    {
        metadata.Add("general.architecture", Architecture);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", name);
        metadata.Add("general.size_label", SizeLabel(parameters));
        metadata.Add("general.file_type", type switch
        {
            GgufType.F32 => 0,
            GgufType.F16 => 1,
            GgufType.Q4_0 => 2,
            GgufType.Q8_0 => 7,
            _ => 32,
        });
        if (type is GgufType.Q4_0 or GgufType.Q8_0) metadata.Add("general.quantization_version", QuantizationVersion);
        AddSampling(metadata, GenerationConfig.Load(folder, config));
    }

    /// <summary>Adds the model's sizes.</summary>
    public static void AddModel(GgufMetadata metadata, GemmaConfig config, int tokens)
    {
        Add("context_length", config.MaxPositionEmbeddings);
        Add("embedding_length", config.HiddenSize);
        Add("block_count", config.NumHiddenLayers);
        Add("feed_forward_length", config.IntermediateSize);
        Add("attention.head_count", config.NumAttentionHeads);
        Add("attention.head_count_kv", config.NumKeyValueHeads);
        metadata.Add($"{Architecture}.attention.layer_norm_rms_epsilon", (float)config.RmsNormEps);
        Add("attention.key_length", config.HeadDim); // hidden_size / heads is another number in Gemma
        Add("attention.value_length", config.HeadDim);
        Add("vocab_size", tokens);
        if (config.LayerTypes.Contains(LayerType.Sliding))
        {
            Add("attention.sliding_window", config.SlidingWindow);
            if (!HasDefaultPattern(config))
            {
                bool[] isSliding = [.. config.LayerTypes.Select(layer => layer == LayerType.Sliding)];
                metadata.Add($"{Architecture}.attention.sliding_window_pattern", isSliding);
            }
        }

        metadata.Add($"{Architecture}.rope.freq_base", (float)config.RopeTheta);
        metadata.Add($"{Architecture}.rope.freq_base_swa", (float)config.RopeLocalBaseFreq);
        if (config.RopeScalingFactor != 1)
        {
            metadata.Add($"{Architecture}.rope.scaling.type", "linear");
            metadata.Add($"{Architecture}.rope.scaling.factor", (float)config.RopeScalingFactor);
        }

        void Add(string key, int value) => metadata.Add($"{Architecture}.{key}", value);
    }

    private static bool HasDefaultPattern(GemmaConfig config) =>
        config.LayerTypes.Select((type, layer) => type == LayerType.Full == ((layer + 1) % DefaultPattern == 0)).All(same => same);

    private static void AddSampling(GgufMetadata metadata, GenerationConfig makers)
    {
        if (!makers.DoSample) return;
        metadata.AddSigned("general.sampling.top_k", makers.TopK);
        metadata.Add("general.sampling.top_p", (float)makers.TopP);
        metadata.Add("general.sampling.temp", (float)makers.Temperature);
    }

    /// <summary>"1.0B", "268M", with two significant digits at least.</summary>
    private static string SizeLabel(long parameters)
    {
        var (unit, suffix) = parameters switch
        {
            >= 1_000_000_000 => (1e9, "B"),
            >= 1_000_000 => (1e6, "M"),
            _ => (1e3, "K"),
        };
        double size = parameters / unit;
        return size.ToString(size < 10 ? "F1" : "F0", CultureInfo.InvariantCulture) + suffix;
    }
}
