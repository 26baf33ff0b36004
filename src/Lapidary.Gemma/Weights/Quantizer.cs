using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma;

/// <summary>Stores a checkpoint's projections in 4 bits as bitsandbytes does; every other tensor (embedding, norms, a vision tower) keeps
/// its bytes. Memory holds the quantized projections and one mapped tensor.</summary>
public static class Quantizer
{
    private const string Weight = ".weight";

    /// <summary>Modules of a multimodal model that stay as they are, for quantization_config.</summary>
    private static readonly string[] VisionModules = ["vision_tower", "multi_modal_projector", "lm_head"];

    /// <summary>Writes the quantized model.</summary>
    /// <param name="folder">A Gemma 3 folder with fp32, bf16 or fp16 weights.</param>
    /// <param name="outputFolder">Receives weights, config.json, tokenizer and generation settings.</param>
    /// <param name="options">Scales and size of files.</param> <param name="backend">Quantizes.</param>
    /// <exception cref="LapidaryException">The model is in 4 bits already, or a file cannot be read or written.</exception>
    public static void Quantize(string folder, string outputFolder, QuantizeOptions options, IBackend backend)
    {
        if (Path.GetFullPath(folder) == Path.GetFullPath(outputFolder))
        {
            throw new LapidaryException($"{outputFolder}: the quantized model would overwrite its source; choose another --output.");
        }

        var config = GemmaConfig.Load(folder);
        if (config.Quantization is not null) throw new LapidaryException($"{folder}: is in 4 bits already; give the unquantized model.");
        using var checkpoint = Checkpoint.Open(folder);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var contents = Contents(checkpoint, options, backend, region);
        contents.Sort((x, y) => SafetensorsOrder.Instance.Compare(x.Declaration, y.Declaration));

        using var writer = ShardedWriter.Create(outputFolder, [.. contents.Select(content => content.Declaration)], options.MaxShardBytes);
        foreach (var content in contents) writer.Write(content.Declaration.Name, content.WriteTo);

        // The weights get their names last: until then the folder holds no model.
        ModelFolder.CopyAll(folder, outputFolder);
        config.WriteTo(outputFolder, new GemmaConfigChanges
        {
            Quantization = new BitsAndBytesConfig
            {
                UseDoubleQuant = options.DoubleQuant,
                ComputeDtype = config.Dtype,
                SkipModules = config.IsMultimodal ? VisionModules : null,
            },
        });
        writer.Complete();
    }

    /// <summary>All tensors of the output. Projections are quantized here, because the length of a tensor's quant_state depends on its
    /// scales.</summary>
    private static List<TensorContent> Contents(Checkpoint checkpoint, QuantizeOptions options, IBackend backend, MemoryRegion region)
    {
        var contents = new List<TensorContent>();
        int done = 0, all = checkpoint.Entries.Count(IsProjection);
        foreach (var entry in checkpoint.Entries)
        {
            if (!IsProjection(entry))
            {
                contents.Add(new TensorContent(entry.Declaration, stream =>
                {
                    checkpoint.FileOf(entry.Name).CopyTo(entry.Name, stream);
                    checkpoint.Release(entry.Name);
                }));
                continue;
            }

            var weight = checkpoint.Get(entry.Name);
            var quantized = backend.QuantizeNf4(weight, new Nf4Options { DoubleQuantization = options.DoubleQuant }, region);
            contents.AddRange(BitsandbytesWriter.Tensors(quantized, weight.DType, backend));
            checkpoint.Release(entry.Name);
            options.OnProgress?.Invoke(++done, all);
        }

        return contents;
    }

    private static bool IsProjection(SafetensorsEntry entry) =>
        entry.Name.EndsWith(Weight, StringComparison.Ordinal) && TensorNames.IsLinear(entry.Name[..^Weight.Length]);
}
