using Lapidary.Engine;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>No weights, on a backend that only counts: what <see cref="CheckpointWeights"/> would bring there, from config.json
/// alone.</summary>
internal sealed class CountedWeights(GemmaConfig config, IBackend counter, ModelOptions options) : WeightSource(config, counter, options)
{
    protected override StoredMatrix Stored(GemmaTensor tensor) =>
        new(Plain(tensor).DType, [.. tensor.Shape], new Lazy<Tensor>(() => Matrix(tensor)), OnHost: null);

    protected override Tensor Matrix(GemmaTensor tensor) => Backend.Import(Plain(tensor), Region);

    protected override Tensor Nf4(GemmaTensor tensor, Nf4Options nf4) => Backend.QuantizeNf4(Plain(tensor), nf4, Region);

    protected override Tensor? StoredNf4(GemmaTensor tensor)
    {
        if (Config.Quantization is not { } stored) return null;
        using var file = new MemoryRegion(Backend.CreateCounter().Memory, MemoryOwner.Base);
        var quantized = Nf4Quantizer.Allocate(Plain(tensor), new Nf4Options { DoubleQuant = stored.UseDoubleQuant }, file);
        return Backend.Import(quantized, Region);
    }

    /// <summary>A weight as the checkpoint has it, without memory.</summary>
    private Tensor Plain(GemmaTensor tensor) =>
        new(Held(DTypeNames.FromTorch(Config.Dtype) ?? DType.BFloat16), tensor.Shape.AsSpan()) { Name = tensor.Name };
}
