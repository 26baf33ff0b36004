using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Gemma.Weights;

namespace Lapidary.TextToSql.Model;

/// <summary>Files of a Gemma 3 with random weights and Gemma's special tokens, in the form of the models on the Hub.</summary>
internal static class RandomGemma
{
    /// <summary>Standard deviation of the embedding. It is small, so that all tokens are about equally likely at first and the loss starts
    /// near ln(vocabulary).</summary>
    private const double EmbeddingDeviation = 0.04;

    /// <summary>1 + w of the norms behind attention and MLP: each layer adds this much to a residual stream of about the embedding's size,
    /// so that random layers do not drown the token they are given.</summary>
    private const float BranchGain = 0.25f;

    private const string GenerationConfig = """
        {
          "bos_token_id": 2,
          "eos_token_id": [1, 6],
          "pad_token_id": 0,
          "transformers_version": "4.50.0.dev0"
        }

        """;

    /// <summary>Writes config.json, generation_config.json, tokenizer_config.json and model.safetensors (bf16).</summary>
    /// <param name="folder">The model's folder, created if missing; files with these names are replaced.</param>
    /// <param name="config">The text of config.json.</param>
    /// <param name="seed">The seed of the weights: equal seeds give equal bytes on every machine.</param>
    /// <returns>Number of weights.</returns>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static long Write(string folder, string config, long seed)
    {
        WriteText(folder, "config.json", config);
        WriteText(folder, "generation_config.json", GenerationConfig);
        WriteAsset(folder, "tokenizer_config.json");
        var tensors = GemmaTensors.Of(GemmaConfig.Load(folder)).ToList();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, "model.safetensors"),
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, "BF16", tensor.Shape.AsSpan()))]);
        long count = 0;
        for (int i = 0; i < tensors.Count; i++)
        {
            ushort[] values = Values(tensors[i], new StableRandom(seed, i));
            count += values.Length;
            writer.Write(tensors[i].Name, MemoryMarshal.AsBytes<ushort>(values));
        }

        writer.Complete();
        return count;
    }

    /// <summary>Writes a file that is in this assembly.</summary>
    public static void WriteAsset(string folder, string name)
    {
        using var asset = typeof(RandomGemma).Assembly.GetManifestResourceStream("Assets/" + name)!;
        AtomicFile.WriteStream(Path.Combine(folder, name), asset.CopyTo);
    }

    /// <summary>bf16 values. Matrices are normal with a deviation of 1/√in, which keeps a unit input at unit size.</summary>
    private static ushort[] Values(GemmaTensor tensor, StableRandom random)
    {
        long count = 1;
        foreach (long size in tensor.Shape) count *= size;
        var values = new ushort[count];
        if (tensor.Shape.Length == 1)
        {
            bool behindBranch = tensor.Name.Contains(".post_", StringComparison.Ordinal);
            values.AsSpan().Fill(BFloat16.FromSingle(behindBranch ? BranchGain - 1 : 0));
            return values;
        }

        bool isEmbedding = tensor.Name.Contains("embed_tokens", StringComparison.Ordinal);
        double deviation = isEmbedding ? EmbeddingDeviation : 1 / Math.Sqrt(tensor.Shape[^1]);
        for (int i = 0; i < values.Length; i++) values[i] = BFloat16.FromSingle((float)(Normal(ref random) * deviation));
        return values;
    }

    /// <summary>Approximately a standard normal number: the sum of twelve uniform numbers minus its mean. It uses no function of the
    /// platform, so the weights have the same bits everywhere.</summary>
    private static double Normal(ref StableRandom random)
    {
        double sum = -6;
        for (int i = 0; i < 12; i++) sum += random.NextDouble();
        return sum;
    }

    private static void WriteText(string folder, string name, string text) =>
        AtomicFile.WriteAllText(Path.Combine(folder, name), text.ReplaceLineEndings("\n"));
}
