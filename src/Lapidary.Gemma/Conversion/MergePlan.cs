using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Conversion;

/// <summary>The tensors of a merged model, and how the bytes of each are computed.</summary>
internal sealed class MergePlan(GemmaModel model, Adapter adapter, Checkpoint checkpoint, CpuBackend backend, MergeOptions options)
{
    private readonly TensorNameStyle _style = TensorNames.StyleOf(checkpoint.Entries.Select(entry => entry.Name));

    /// <summary>The changes to config.json.</summary>
    public GemmaConfigChanges Changes => new()
    {
        Dtype = options.DType is { } dtype && dtype.IsFloatingPoint() ? DTypeNames.ToTorch(dtype) : null,
        RemoveQuantization = true,
        TieWordEmbeddings = Unties || !model.Config.TieWordEmbeddings ? false : null,
    };

    /// <summary>Whether a tied base becomes two matrices: the adapter trains one of them, or both apart.</summary>
    private bool Unties =>
        model.Config.TieWordEmbeddings && !adapter.IsTied && (adapter.Head is not null || adapter.Embedding is not null);

    /// <summary>Every tensor of the output, in the base's order.</summary>
    public List<TensorContent> Tensors()
    {
        var layers = model.LinearLayers.ToDictionary(layer => layer.Name + TensorNames.WeightSuffix);
        var tensors = new List<TensorContent>();
        foreach (var entry in checkpoint.Entries)
        {
            if (!TensorNames.TryNormalize(entry.Name, out string? name))
            {
                tensors.Add(Copy(entry));
            }
            else if (layers.TryGetValue(name, out var layer))
            {
                tensors.Add(Projection(entry, layer));
            }
            else if (name == TensorNames.Embedding)
            {
                tensors.Add(Whole(entry.Name, adapter.Embedding?.Value ?? model.EmbedTokens, entry.DType));
            }
            else if (name == TensorNames.Head)
            {
                // A tied base may still carry a copy of its embedding, which the merged one would contradict.
                if (!model.Config.TieWordEmbeddings) tensors.Add(Whole(entry.Name, adapter.Head?.Value ?? model.LmHead, entry.DType));
            }
            else if (!BitsAndBytesReader.IsPartOfAWeight(name))
            {
                tensors.Add(Whole(entry.Name, checkpoint.Get(entry.Name), entry.DType));
            }
        }

        if (Unties)
        {
            string head = TensorNames.ToStyle(TensorNames.Head, _style);
            tensors.Add(Whole(head, adapter.Head?.Value ?? model.LmHead, DTypeNames.ToSafetensors(model.EmbedTokens.DType)));
        }

        return tensors;
    }

    /// <summary>W + s·B·A of a projection with an adapter; its original bytes if nothing changes.</summary>
    private TensorContent Projection(SafetensorsEntry entry, LinearLayer layer)
    {
        bool isNf4 = layer.Weight.DType == DType.NF4, fromNf4 = options.FromNf4 || isNf4;
        var update = adapter.AdapterOf(layer.Name);
        string type = OutputType(isNf4 ? TypeBeforeNf4 ?? model.Config.Dtype : entry.DType);
        if (update is null && !fromNf4 && type == entry.DType) return Copy(entry);
        var nf4 = fromNf4 ? new Nf4Options { DoubleQuant = options.DoubleQuant } : null;
        return new TensorContent(
            new TensorDeclaration(entry.Name, type, layer.Weight.Shape),
            stream => MergedWeight.Write(layer.Weight, nf4, update, DTypeNames.FromSafetensors(type)!.Value, stream, backend));
    }

    /// <summary>A tensor as it is, in the output's type.</summary>
    private TensorContent Whole(string name, Tensor value, string baseType)
    {
        string type = OutputType(baseType);
        return new TensorContent(
            new TensorDeclaration(name, type, value.Shape),
            stream => MergedWeight.Convert(value, DTypeNames.FromSafetensors(type)!.Value, stream));
    }

    private TensorContent Copy(SafetensorsEntry entry) => ConvertedFolder.Copy(checkpoint, entry);

    /// <summary>The requested type, else that of the base.</summary>
    private string OutputType(string baseType) => options.DType is { } dtype ? DTypeNames.ToSafetensors(dtype) : baseType;

    /// <summary>A 4-bit base's weights get the original type that config.json states.</summary>
    private string? TypeBeforeNf4 => DTypeNames.FromTorch(model.Config.Dtype) is { } dtype ? DTypeNames.ToSafetensors(dtype) : null;
}
