using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Conversion;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>Stores a checkpoint's projections in 4 bits like bitsandbytes. All other tensors (embedding, norms, a vision tower) keep their
/// bytes. Needs memory for the quantized projections and one mapped tensor.</summary>
public static class Quantizer
{
    /// <summary>Modules of a multimodal model that stay as they are, for quantization_config.</summary>
    private static readonly string[] VisionModules = ["vision_tower", "multi_modal_projector", "lm_head"];

    /// <summary>Writes the quantized model.</summary>
    /// <param name="folderOrId">A Gemma 3 folder with fp32, bf16 or fp16 weights, or the id of one of the Hub.</param>
    /// <param name="outputFolder">Receives weights, config.json, tokenizer and generation settings.</param>
    /// <param name="options">Scales and size of files.</param>
    /// <param name="backend">The device that quantizes.</param>
    /// <exception cref="LapidaryException">The model is in 4 bits already, a file cannot be read or written, or the output is the model's
    /// folder, is in use or holds a model.</exception>
    public static void Quantize(string folderOrId, string outputFolder, QuantizeOptions options, IBackend backend)
    {
        string folder = ModelSource.Find(folderOrId, HubFiles.Model, options.Hub).Folder;
        var config = GemmaConfig.Load(folder);
        if (config.Quantization is not null)
            throw new LapidaryException($"{folderOrId}: is in 4 bits already; give the unquantized model.");
        using var checkpoint = Checkpoint.Open(folder);
        GemmaTensors.RequireLayers(checkpoint, config);
        using var output = NewModel.Open(outputFolder, options.Overwrite, folder);
        DiskSpace.Require(output.Folder, LeastBytes(checkpoint));
        ModelFolder.CopyAll(folder, output.Folder);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var tensors = Tensors(checkpoint, options, backend, region);
        tensors.Sort((x, y) => SafetensorsOrder.Instance.Compare(x.Declaration, y.Declaration));
        var changes = new GemmaConfigChanges
        {
            Quantization = new BitsAndBytesConfig
            {
                UseDoubleQuant = options.DoubleQuant,
                ComputeDtype = config.Dtype,
                SkipModules = config.IsMultimodal ? VisionModules : null,
            },
        };
        ConvertedFolder.Write(output.Folder, config, changes, tensors, options.MaxShardBytes, (name, done) =>
        {
            if (checkpoint.Contains(name)) checkpoint.Release(name);
            options.Progress?.Report(new("writing", done, tensors.Count, "tensors"));
            options.CancellationToken.ThrowIfCancellationRequested();
        });
        output.Publish();
    }

    /// <summary>All tensors of the output. Projections are quantized here, because the length of a tensor's quant_state depends on its
    /// scales.</summary>
    private static List<TensorContent> Tensors(Checkpoint checkpoint, QuantizeOptions options, IBackend backend, MemoryRegion region)
    {
        var tensors = new List<TensorContent>();
        int done = 0, all = checkpoint.Entries.Count(IsProjection);
        foreach (var entry in checkpoint.Entries)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            if (!IsProjection(entry))
            {
                tensors.Add(ConvertedFolder.Copy(checkpoint, entry));
                continue;
            }

            var weight = checkpoint.Get(entry.Name);
            var quantized = backend.QuantizeNf4(weight, new Nf4Options { DoubleQuant = options.DoubleQuant }, region);
            tensors.AddRange(BitsAndBytesWriter.Tensors(quantized, weight.DType, backend));
            checkpoint.Release(entry.Name);
            options.Progress?.Report(new("quantizing", ++done, all, "projections"));
        }

        return tensors;
    }

    /// <summary>Bytes of the output without scales, so that a full disk is detected before the work.</summary>
    private static long LeastBytes(Checkpoint checkpoint) =>
        checkpoint.Entries.Sum(entry => IsProjection(entry) ? entry.Shape.Aggregate(1L, (product, size) => product * size) / 2
            : entry.LengthBytes);

    private static bool IsProjection(SafetensorsEntry entry) =>
        entry.Name.EndsWith(TensorNames.WeightSuffix, StringComparison.Ordinal)
        && TensorNames.IsLinear(entry.Name[..^TensorNames.WeightSuffix.Length]);
}
