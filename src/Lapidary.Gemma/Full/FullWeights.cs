using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Full;
using Lapidary.Gemma.Model;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>All weights of a model, trained in place of the base's: projections, norms, the embedding, and the head if it is not tied to
/// the embedding. They are fp32; a tied embedding and head are ONE matrix that receives both gradients.</summary>
/// <remarks>The files are those of a Hugging Face model that loads anywhere. A base that is loaded with
/// <see cref="ModelOptions.LoadOnUse"/> is not on the device beside them.</remarks>
public sealed class FullWeights : TrainedWeights
{
    private readonly Dictionary<string, Parameter> _byName = [];

    private FullWeights(GemmaModel model) : base(model, trainable: true)
    {
        var config = model.Config;
        AddBlock([GemmaTensors.Embedding(config)], isTokenTable: true);
        foreach (var layer in GemmaTensors.Layers(config)) AddBlock([.. layer.Matrices]);
        if (!config.TieWordEmbeddings) AddBlock([GemmaTensors.Head(config)], isTokenTable: true);
        AddBlock([.. GemmaTensors.Norms(config)], isNorm: true);
        Embedding = InPlaceOf(TensorNames.Embedding);
        Head = InPlaceOf(TensorNames.Head) ?? Embedding;
        FileBytes = FullWeightsFiles.Bytes(this, model);
    }

    /// <summary>Bytes of the text part's tensors in the files of the result.</summary>
    public override long FileBytes { get; }

    /// <summary>Starts from the base's values.</summary>
    /// <param name="model">The base.</param>
    /// <exception cref="LapidaryException">The base is quantized or has a number that is not finite, or there is not memory
    /// enough.</exception>
    public static FullWeights Create(GemmaModel model) => Make(model, weights => weights.Fill(model));

    /// <summary>Weights with zero values, for a model without weights.</summary>
    /// <param name="model">A <see cref="GemmaModel.Skeleton"/>.</param>
    /// <exception cref="LapidaryException">The base is quantized, or there is not memory enough.</exception>
    public static FullWeights Skeleton(GemmaModel model) => Make(model, _ => { });

    /// <summary>Random weights, for benchmarks without a base's files. Norms are 0, which is Gemma's 1.</summary>
    /// <param name="model">A <see cref="GemmaModel.Random"/> with <see cref="ModelOptions.LoadOnUse"/>, whose own matrices are then never
    /// made.</param>
    /// <param name="seed">Determines the values.</param>
    /// <exception cref="LapidaryException">There is not memory enough.</exception>
    internal static FullWeights Random(GemmaModel model, long seed)
    {
        var random = new RandomBlocks(model.Backend, seed);
        return Make(model, weights =>
        {
            foreach (var parameter in weights.Parameters)
                if (parameter.Value.Shape.Length > 1) RandomWeights.Write(parameter.Value, random);
        });
    }

    /// <summary>Writes model.safetensors (or shards), config.json and generation_config.json as transformers reads them, and everything
    /// that the base has besides, such as a vision tower. The weights have the type that the base was loaded in.</summary>
    /// <param name="folder">Receives the files. If it holds a tokenizer, generation stops at the ends of its texts and turns.</param>
    /// <param name="model">The base.</param>
    /// <exception cref="LapidaryException">A value is not finite, or a file cannot be written.</exception>
    public override void Save(string folder, GemmaModel model) => FullWeightsFiles.Write(folder, this, model, allBits: false);

    /// <inheritdoc/>
    public override void Restore(string folder, GemmaModel model)
    {
        FullWeightsFiles.Read(folder, this, model);
        Fault.Forget();
    }

    /// <inheritdoc/>
    internal override void SaveCheckpoint(string folder, GemmaModel model) => FullWeightsFiles.Write(folder, this, model, allBits: true);

    /// <inheritdoc/>
    internal override long BytesToSave(GemmaModel model, bool isCheckpoint) =>
        FullWeightsFiles.BytesOfAll(this, model, allBits: isCheckpoint);

    /// <inheritdoc/>
    internal override bool ReplacesBase => true;

    /// <inheritdoc/>
    internal override Parameter? InPlaceOf(string name) => _byName.GetValueOrDefault(name);

    private static FullWeights Make(GemmaModel model, Action<FullWeights> fill)
    {
        bool isQuantized = model.Config.Quantization is not null || model.Options.Quantization == QuantizationKind.Nf4;
        if (isQuantized)
        {
            throw new LapidaryException(
                $"{model.Name}: expected weights that are not quantized, of which all are trained, found 4 bits; "
                + "set Quantization to none and give a model in bfloat16 or float32, or train LoRA's matrices.");
        }

        FullWeights? weights = null;
        try
        {
            weights = new FullWeights(model);
            fill(weights);
            return weights;
        }
        catch
        {
            weights?.Dispose();
            throw;
        }
    }

    private void Fill(GemmaModel model)
    {
        model.EmbeddingTable.WidenTo(Embedding!.Value, model);
        foreach (var layer in model.LinearLayers) layer.Stored.WidenTo(InPlaceOf(layer.Name + TensorNames.WeightSuffix)!.Value, model);
        if (!IsTied) model.HeadTable.WidenTo(Head!.Value, model);
        foreach (var norm in model.Norms) TensorStream.Widen(norm.Stored, InPlaceOf(norm.Name)!.Value, model.Backend);
    }

    /// <summary>Ranks share the work on matrices. Norms are few values; weight decay, which pulls values to zero, leaves them out, as
    /// transformers' Trainer does.</summary>
    private void AddBlock(IReadOnlyList<GemmaTensor> tensors, bool isNorm = false, bool isTokenTable = false)
    {
        (string, long[])[] shapes = [.. tensors.Select(tensor => (tensor.Name, tensor.Shape.ToArray()))];
        var block = Add(NewBlock(shapes, decays: !isNorm, isDivisible: !isNorm, isTokenTable));
        foreach (var parameter in block.Parameters) _byName.Add(parameter.Name, parameter);
    }
}
