using Lapidary.Engine;

namespace Lapidary.Gemma.Tests;

/// <summary>The decoder against transformers 5.17 in fp32. Both sum in fp32 but in other orders, through 7 layers: 1e-5 relative leaves a margin
/// of about ten over what is seen.</summary>
/// <remarks>make_reference.py casts the model of "forward", "packed" and "multimodal" to bf16 and back, embedding scale and rotary frequencies
/// included. The others were loaded with dtype float32.</remarks>
public class GemmaModelTests
{
    private const double Fp32 = 1e-5;

    private static readonly ModelOptions CastWhole = new() { RoundRotaryFrequencies = true };

    [Theory]
    [InlineData("short", 2)]
    [InlineData("long", 1)]
    public void Forward_MatchesTransformers(string name, int rows)
    {
        using var golden = new Golden("forward");
        using var model = ModelRun.Load("model", CastWhole);
        using var run = new ModelRun(model, ModelRun.Split(golden.Ids(name + ".input_ids"), rows));

        foreach (string tensor in golden.Names.Where(tensor => tensor.StartsWith(name + ".hidden.", StringComparison.Ordinal)))
        {
            int layer = int.Parse(tensor[(tensor.LastIndexOf('.') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
            Close.Assert(golden.Floats(tensor), run.Hidden(layer), Fp32, tensor);
        }

        Close.Assert(golden.Floats(name + ".logits"), run.SampledLogits(), Fp32, "logits");
        Close.Assert(golden.Floats(name + ".loss"), [(float)run.Loss], Fp32, "loss");
    }

    [Fact]
    public void Forward_KeepsPackedDocumentsApart()
    {
        using var golden = new Golden("packed");
        using var model = ModelRun.Load("model", CastWhole);
        int[] ids = golden.Ids("input_ids"), lengths = golden.Ids("lengths");
        int[][] documents = [ids[..lengths[0]], ids[lengths[0]..(lengths[0] + lengths[1])], ids[(lengths[0] + lengths[1])..]];

        using var run = new ModelRun(model, documents);

        Close.Assert(golden.Floats("logits"), run.SampledLogits(), Fp32, "logits");
        Close.Assert(golden.Floats("loss_mean"), [(float)run.Loss], Fp32, "loss");
    }

    [Fact]
    public void Forward_ReadsMultimodalNamesAndRopeScaling()
    {
        using var golden = new Golden("multimodal_text");
        using var model = ModelRun.Load("multimodal", CastWhole);
        using var run = new ModelRun(model, [golden.Ids("input_ids")]);

        Close.Assert(golden.Floats("logits"), run.Logits, Fp32, "logits");
    }

    [Fact]
    public void Forward_GivesTheSameBitsForAnyNumberOfThreads()
    {
        using var golden = new Golden("forward");
        int[][] documents = ModelRun.Split(golden.Ids("short.input_ids"), 2);
        using var one = ModelRun.Load("model", threads: 1);
        using var three = ModelRun.Load("model", threads: 3);
        using ModelRun first = new(one, documents), second = new(three, documents);

        Assert.True(first.Logits.SequenceEqual(second.Logits));
    }

    [Fact]
    public void Load_QuantizesAsBitsandbytesDoes()
    {
        using var golden = new Golden("qlora");
        using var model = ModelRun.Load("model", new ModelOptions { Quantization = QuantizationKind.Nf4, DType = DType.Float32 });
        using var run = new ModelRun(model, ModelRun.Split(golden.Ids("input_ids"), 2));

        Close.Assert(golden.Floats("base_logits"), run.SampledLogits(), Fp32, "logits");
        Close.Assert(golden.Floats("base_loss"), [(float)run.Loss], Fp32, "loss");
    }

    [Fact]
    public void Generate_GivesTransformersGreedyTokens()
    {
        using var golden = new Golden("generate");
        using var model = ModelRun.Load("model", new ModelOptions { DType = DType.Float32 });
        using var generator = new TextGenerator(model);
        int[] prompt = golden.Ids("prompt"), expected = golden.Ids("output")[prompt.Length..];

        Assert.Equal(expected, generator.Generate(prompt, new GenerationOptions { MaxNewTokens = expected.Length }, TestContext.Current.CancellationToken));
    }
}
