using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Conversion;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Full;

/// <summary>The files of a model all of whose weights are trained: a Hugging Face folder with the base's names, order and untouched
/// tensors.</summary>
internal static class FullWeightsFiles
{
    /// <summary>Writes weights, config.json and the generation's settings.</summary>
    /// <param name="folder">The new model's folder.</param>
    /// <param name="weights">The trained weights.</param>
    /// <param name="model">The base.</param>
    /// <param name="allBits">Whether to write fp32, for a run that goes on; otherwise, the type that the base was loaded in.</param>
    /// <exception cref="LapidaryException">A value is not finite, or a file cannot be written.</exception>
    public static void Write(string folder, FullWeights weights, GemmaModel model, bool allBits)
    {
        var tensors = Tensors(weights, model, allBits).ToList();
        var changes = new GemmaConfigChanges
        {
            Dtype = allBits ? DTypeNames.ToTorch(DType.Float32) : model.Options.DType is { } asked ? DTypeNames.ToTorch(asked) : null,
            TieWordEmbeddings = model.Config.TieWordEmbeddings ? null : false,
            EosTokenIds = model.Folder.Length > 0 ? ModelFolder.CopyTrained(model.Folder, folder, model.Config) : null,
        };
        ConvertedFolder.Write(folder, model.Config, changes, tensors, ConvertedFolder.MaxShardBytes, (_, _) => { });
    }

    /// <summary>Loads the values of a checkpoint.</summary>
    /// <exception cref="LapidaryException">A file is missing or damaged, or a tensor is missing or has another shape.</exception>
    public static void Read(string folder, FullWeights weights, GemmaModel model)
    {
        using var checkpoint = Checkpoint.Open(folder);
        var names = new Dictionary<string, string>();
        foreach (var entry in checkpoint.Entries)
            if (TensorNames.TryNormalize(entry.Name, out string? name)) names.TryAdd(name, entry.Name);
        foreach (var parameter in weights.Parameters)
        {
            if (!names.TryGetValue(parameter.Name, out string? name))
                throw new LapidaryException($"{folder}: tensor {parameter.Name} is missing; choose another checkpoint.");
            TensorStream.Load(checkpoint.FileOf(name), name, parameter.Value, model.Backend);
            checkpoint.Release(name);
        }
    }

    /// <summary>Bytes of the trained tensors in the result.</summary>
    public static long Bytes(FullWeights weights, GemmaModel model) => Stored(model)
        .Where(tensor => tensor.Name is not null && weights.InPlaceOf(tensor.Name) is not null)
        .Sum(tensor => OutputType(tensor.DType, model, allBits: false).LengthBytes(weights.InPlaceOf(tensor.Name!)!.Value.Count));

    /// <summary>Bytes of all tensors that <see cref="Write"/> writes.</summary>
    public static long BytesOfAll(FullWeights weights, GemmaModel model, bool allBits) =>
        Tensors(weights, model, allBits).Sum(tensor => tensor.Declaration.LengthBytes);

    /// <summary>Every tensor of the output, in the base's order. A tied base may carry a copy of its embedding as its head, which the
    /// trained one would contradict.</summary>
    private static IEnumerable<TensorContent> Tensors(FullWeights weights, GemmaModel model, bool allBits)
    {
        foreach (var (name, entry, stored) in Stored(model))
        {
            if (name == TensorNames.Head && weights.IsTied) continue;
            if (name is null || weights.InPlaceOf(name) is not { } parameter)
            {
                yield return ConvertedFolder.Copy(model.Source!.Checkpoint!, entry!);
                continue;
            }

            var type = OutputType(stored, model, allBits);
            yield return new TensorContent(
                new TensorDeclaration(entry?.Name ?? name, DTypeNames.ToSafetensors(type), parameter.Value.Shape),
                stream => TensorStream.WriteFinite(parameter.Value, stream, model.Backend, type));
        }
    }

    /// <summary>The tensors of the base: canonical name, or null for what is no part of the text; place in its files; type.</summary>
    private static IEnumerable<(string? Name, SafetensorsEntry? Entry, DType DType)> Stored(GemmaModel model)
    {
        if (model.Source?.Checkpoint is not { } checkpoint)
        {
            foreach (var tensor in GemmaTensors.Of(model.Config))
                yield return (tensor.Name, null, DTypeNames.FromTorch(model.Config.Dtype) ?? DType.BFloat16);
            yield break;
        }

        foreach (var entry in checkpoint.Entries)
        {
            _ = TensorNames.TryNormalize(entry.Name, out string? name);
            yield return (name, entry, DTypeNames.FromSafetensors(entry.DType) ?? DType.BFloat16);
        }
    }

    private static DType OutputType(DType stored, GemmaModel model, bool allBits) =>
        allBits ? DType.Float32 : model.Options.DType ?? stored;
}
