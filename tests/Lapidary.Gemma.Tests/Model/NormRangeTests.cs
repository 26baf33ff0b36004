using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Norm weights of a file whose results may leave fp16's range: said on loading for a backend of fp16, and for no other.</summary>
public class NormRangeTests
{
    private const string Input = "model.layers.1.input_layernorm.weight", Final = "model.norm.weight";
    private const string Post = "model.layers.1.post_feedforward_layernorm.weight", Keys = "model.layers.0.self_attn.k_norm.weight";

    /// <summary>The tiny model has 96 hidden values: √96 · 6,600 is below 65,504, and √96 · 6,700 is above.</summary>
    [Theory]
    [InlineData(Input, 6_600, false)]
    [InlineData(Input, 6_700, true)]
    [InlineData(Input, -6_700, true)]
    [InlineData(Final, 7e5f, true)]
    [InlineData(Keys, 7e5f, true)]
    [InlineData(Post, 7e5f, false)]
    public void Load_InFloat16_NamesANormThatMayLeaveItsRange(string tensor, float weight, bool isSaid)
    {
        string folder = With((tensor, weight));
        using var float16 = Counter(DType.Float16);
        using var model = GemmaModel.Load(folder, float16);
        if (isSaid) Assert.Contains($"{tensor} has a factor 1 + w of", Assert.Single(model.Notes), StringComparison.Ordinal);
        else Assert.Empty(model.Notes);

        using var bfloat16 = Counter(DType.BFloat16);
        using var other = GemmaModel.Load(folder, bfloat16);
        Assert.Empty(other.Notes);
    }

    [Fact]
    public void Note_IsOneLine_OfTheLargest()
    {
        using var backend = Counter(DType.Float16);
        using var model = GemmaModel.Load(With((Input, 8_000), (Final, 65_536)), backend);
        double bound = Math.Sqrt(model.Config.HiddenSize) * 65_537;
        Assert.Equal(
            $"{Final}, and 1 more, has a factor 1 + w of 65,537, so a value of this norm may reach "
            + FormattableString.Invariant($"{bound:N0}, and float16 ends at 65,504: if a loss or logits are not finite, ")
            + "set DType to bfloat16 where the device has it, or set Device to cpu.",
            Assert.Single(model.Notes));
    }

    private static CudaBackend Counter(DType activations) =>
        CudaBackend.CreateCounter(device: null, new CudaOptions { ActivationDType = activations });

    private static string With(params (string Tensor, float Value)[] values) => Variant.Of(
        Fixtures.Path("tiny/model"),
        tensors =>
        {
            foreach (var (tensor, value) in values) tensors[tensor] = tensors[tensor].With(element: 3, value);
        });
}
