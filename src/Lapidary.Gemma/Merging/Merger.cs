using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Merging;

namespace Lapidary.Gemma;

/// <summary>Merges an adapter into its base: W + s·B·A, tensor by tensor from the mapped base into new files, so that memory holds one
/// tensor. Names, order and untouched tensors (a vision tower's among them) are the base's.</summary>
/// <remarks>Sums are formed in fp32 and rounded once to the output type, as PEFT's merge does. A tied embedding trained as one matrix is
/// written once; two trained matrices are both written and config.json says that they are not tied.</remarks>
public sealed class Merger : IDisposable
{
    private readonly string _baseFolder;
    private readonly MergeOptions _options;
    private readonly CpuBackend _backend = new();
    private readonly GemmaModel _model;
    private readonly Adapter _adapter;
    private readonly Checkpoint _checkpoint;
    private readonly TensorNameStyle _style;

    private Merger(string baseFolder, string adapterFolder, MergeOptions options)
    {
        (_baseFolder, _options) = (baseFolder, options);
        _model = GemmaModel.Load(baseFolder, _backend); // mapped, not copied
        _adapter = Adapter.Load(_model, adapterFolder);
        _checkpoint = Checkpoint.Open(baseFolder);
        _style = TensorNames.StyleOf(_checkpoint.Entries.Select(entry => entry.Name));
    }

    /// <summary>Writes the merged model.</summary>
    /// <param name="baseFolder">The base.</param> <param name="adapterFolder">A PEFT adapter.</param> <param name="outputFolder">Receives
    /// weights, index, config.json, tokenizer and generation settings.</param>
    /// <param name="options">Type, source of the projections, size of files.</param>
    /// <exception cref="LapidaryException">The adapter does not fit the base, or a file cannot be read or written.</exception>
    public static void Merge(string baseFolder, string adapterFolder, string outputFolder, MergeOptions options)
    {
        if (Path.GetFullPath(baseFolder) == Path.GetFullPath(outputFolder))
        {
            throw new LapidaryException($"{outputFolder}: the merged model would overwrite its base; choose another --output.");
        }

        using var merger = new Merger(baseFolder, adapterFolder, options);
        merger.Write(outputFolder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _checkpoint.Dispose();
        _adapter.Dispose();
        _model.Dispose();
        _backend.Dispose();
    }

    private bool Unties => _adapter.Head is not null && !_adapter.IsTied && _model.Config.TieWordEmbeddings;

    private void Write(string folder)
    {
        var steps = Plan();
        Directory.CreateDirectory(folder);
        using var writer = ShardedWriter.Create(folder, [.. steps.Select(step => step.Declaration)], _options.MaxShardBytes);
        for (int i = 0; i < steps.Count; i++)
        {
            string name = steps[i].Declaration.Name;
            writer.Write(name, steps[i].Write);
            if (_checkpoint.Contains(name)) _checkpoint.Release(name);
            _options.OnProgress?.Invoke(i + 1, steps.Count);
        }

        // The weights get their names last: until then the folder holds no model.
        ModelFolder.CopyAll(_baseFolder, folder);
        _model.Config.WriteTo(folder, new GemmaConfigChanges
        {
            Dtype = _options.DType switch { DType.Float32 => "float32", DType.BFloat16 => "bfloat16", DType.Float16 => "float16", _ => null },
            RemoveQuantization = true,
            TieWordEmbeddings = Unties ? false : null,
        });
        writer.Complete();
    }

    /// <summary>Every tensor of the output, in the base's order, with how its bytes come about.</summary>
    private List<Step> Plan()
    {
        var layers = _model.LinearLayers.ToDictionary(layer => layer.Name + ".weight");
        var steps = new List<Step>();
        foreach (var entry in _checkpoint.Entries)
        {
            if (!TensorNames.TryNormalize(entry.Name, out string? name)) steps.Add(Copy(entry));
            else if (layers.TryGetValue(name, out var layer)) steps.Add(Projection(entry, layer));
            else if (name == TensorNames.Embedding) steps.Add(Whole(entry.Name, _adapter.Embedding?.Value ?? _model.EmbedTokens, entry.DType));
            else if (name == TensorNames.Head)
            {
                // A tied base may still carry a copy of its head, which the merged embedding would contradict.
                if (!_model.Config.TieWordEmbeddings) steps.Add(Whole(entry.Name, _adapter.Head?.Value ?? _model.LmHead, entry.DType));
            }
            else if (!IsQuantizationState(name)) steps.Add(Whole(entry.Name, _checkpoint.Get(entry.Name), entry.DType));
        }

        if (Unties) steps.Add(Whole(TensorNames.ToStyle(TensorNames.Head, _style), _adapter.Head!.Value, TypeOf(_model.EmbedTokens)));
        return steps;
    }

    /// <summary>W + s·B·A of a projection that has an adapter; its own bytes where nothing changes.</summary>
    private Step Projection(SafetensorsEntry entry, LinearLayer layer)
    {
        bool fromNf4 = _options.FromNf4 || layer.Weight.DType == DType.NF4;
        var adapter = _adapter.For(layer.Name);
        string type = layer.Weight.DType == DType.NF4 ? OutputType(_model.Config.Dtype) : OutputType(entry.DType);
        if (adapter is null && !fromNf4 && type == entry.DType) return Copy(entry);
        return new Step(new TensorDeclaration(entry.Name, type, layer.Weight.Shape), stream => MergedWeight.Write(
            layer.Weight, fromNf4 ? new Nf4Options { DoubleQuantization = _options.DoubleQuant } : null, adapter, SafetensorsTensors.ToEngine(type)!.Value,
            stream, _backend));
    }

    /// <summary>A tensor as it is, in the output's type.</summary>
    private Step Whole(string name, Tensor value, string baseType)
    {
        string type = OutputType(baseType);
        return new Step(new TensorDeclaration(name, type, value.Shape), stream => MergedWeight.Convert(value, SafetensorsTensors.ToEngine(type)!.Value, stream));
    }

    private Step Copy(SafetensorsEntry entry) => new(entry.Declaration, stream => _checkpoint.FileOf(entry.Name).CopyTo(entry.Name, stream));

    /// <summary>The type asked for, else the base's: as a file spells it, or as config.json does for a 4-bit base.</summary>
    private string OutputType(string baseType) => _options.DType is { } dtype
        ? SafetensorsTensors.FromEngine(dtype)
        : baseType switch { "float32" => "F32", "bfloat16" => "BF16", "float16" => "F16", _ => baseType };

    private static string TypeOf(Tensor tensor) => SafetensorsTensors.FromEngine(tensor.DType);

    /// <summary>bitsandbytes' scales beside a 4-bit weight: &lt;module&gt;.weight.absmax and the like.</summary>
    private static bool IsQuantizationState(string name) => name.Contains(".weight.", StringComparison.Ordinal);

    private sealed record Step(TensorDeclaration Declaration, Action<Stream> Write);
}
