using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Tests;

/// <summary>Losses and gradients that are no finite numbers end a run; they reach neither weights nor files.</summary>
public class DivergenceTests
{
    /// <summary>Where the tests of this class run.</summary>
    protected virtual string Device => TestDevice.Cpu;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The loss is finite: B is zero, and of A nothing is left. B's gradient is A's activations times a factor, which
    /// overflow.</summary>
    [Theory]
    [InlineData(0.3, null)]
    [InlineData(0, null)]
    [InlineData(0.3, 5)]
    public void Train_WithAFiniteLossAndAGradientThatIsNot_LeavesWeightsAndFilesAsTheyWere(double maxGradNorm, int? lossScale)
    {
        var config = TrainerRun.Small() with
        {
            MaxSteps = 4,
            SaveStrategy = IntervalStrategy.Steps,
            SaveSteps = 1,
            MaxGradNorm = maxGradNorm,
        };
        var watch = new Spoil(atStep: 2);
        using var run = new TrainerRun(
            Device, config, TrainerRun.RandomRows(4), adapter: null, observer: watch,
            lora: LoraConfig.Guide with { R = 4, LoraAlpha = 1e9, LoraDropout = 0, ModulesToSave = null });
        watch.Run = run;
        run.Trainer.Runner.FirstExponent = lossScale;

        var error = Assert.Throws<LapidaryException>(() => run.Trainer.Train(cancellationToken: Token));

        Assert.Contains("Step 3: the loss is ", error.Message, StringComparison.Ordinal);
        Assert.Contains("the norm of its gradients is ", error.Message, StringComparison.Ordinal);
        if (lossScale is not null)
        {
            Assert.Matches(
                @"even at a loss scale of 2\^-9 \(the gradient of layers\.[0-9]+\.\S+\.lora_B: [0-9,]+ of [0-9,]+ values "
                + @"are not finite in Float32\)",
                error.Message);
        }

        Assert.Equal(watch.Bits, Spoil.BitsOf(run));
        Assert.Equal(
            ["checkpoint-1", "checkpoint-2"],
            Directory.GetDirectories(config.OutputDir, "checkpoint-*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.False(File.Exists(Path.Combine(config.OutputDir, "adapter_model.safetensors")));
    }

    /// <summary>What was found before a step is not said of the weights after it.</summary>
    [Fact]
    public void Train_AfterAFault_NamesTheOneThatIsThereNow()
    {
        var config = TrainerRun.Small() with { MaxSteps = 4, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 1 };
        var watch = new Spoil(atStep: 2, ofA: float.NaN);
        using var run = new TrainerRun(Device, config, TrainerRun.RandomRows(4), adapter: null, observer: watch);
        watch.Run = run;
        run.Model.Attach(run.Adapter);
        var first = run.Adapter.Parameters.First(parameter => parameter.Name.Contains("lora_B", StringComparison.Ordinal));
        void Fill(float value) => run.Model.Backend.Write<float>([.. Enumerable.Repeat(value, (int)first.Value.Count)], first.Value);
        Fill(float.NaN);
        using (var evaluator = new Evaluator(
            run.Model, new PackedDataSet(TrainerRun.RandomRows(2), PackingStrategy.None, 64, padTokenId: 0), batchSize: 2))
        {
            var before = Assert.Throws<LapidaryException>(() => evaluator.Run(Token));
            Assert.Contains($"the adapter's tensor {first.Name} holds NaN", before.Message, StringComparison.Ordinal);
        }

        Fill(0);
        var error = Assert.Throws<LapidaryException>(() => run.Trainer.Train(cancellationToken: Token));

        Assert.Matches(@"^Step 3: the loss of row [1-4] is NaN; the adapter's tensor \S+\.lora_A\S* holds NaN", error.Message);
    }

    [Fact]
    public void Optimizer_RefusesANormThatIsNotFinite_AndGoesOnAfterwards()
    {
        var backend = TestDevice.Open(Device);
        using (var region = new MemoryRegion(backend.Memory, MemoryOwner.Parameters))
        using (var gradients = new MemoryRegion(backend.Memory, MemoryOwner.Gradients))
        {
            var block = new ParameterBlock([("w", [1000])], region, gradients);
            backend.Write<float>([.. Enumerable.Range(0, 1000).Select(i => i * 0.001f)], block.Values);
            using var optimizer = new AdamWOptimizer([block], new AdamWOptions(), maxGradNorm: 0, backend, SilentCommunicator.Solo);
            void Fill(float last) => backend.Write<float>([.. Enumerable.Repeat(0.5f, 999), last], block.Gradients!);
            float[] Values(Tensor tensor)
            {
                float[] values = new float[tensor.Count];
                backend.Read<float>(tensor, values);
                return values;
            }

            var state = optimizer.States[0];
            float[][] State() => [Values(block.Values), Values(state.ExpAvg.Whole!), Values(state.ExpAvgSq.Whole!)];
            Fill(0.25f);
            Assert.True(optimizer.Step(0.01, 1).Applied);
            float[][] before = State();
            foreach (float bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f })
            {
                Fill(bad);
                for (int again = 0; again < 3; again++) Assert.False(optimizer.Step(0.01, 2).Applied); // captured from the second on
                Assert.Equal(before, State());
            }

            Fill(0.25f);
            Assert.True(optimizer.Step(0.01, 2).Applied);
            Assert.NotEqual(before[0], State()[0]);
        }

        TestDevice.Close(backend);
    }

    [Fact]
    public void Train_OfANaNInTheBase_NamesStepRowAndTensor()
    {
        var config = TrainerRun.Small() with { MaxSteps = 2 };
        using var run = new TrainerRun(Device, config, TrainerRun.RandomRows(4), adapter: null, folder: OneNaN());
        var error = Assert.Throws<LapidaryException>(() => run.Trainer.Train(cancellationToken: Token));
        Assert.Matches(
            "^Step 1: the loss of row [1-4] is NaN; tensor model.layers.1.self_attn.q_proj.weight of the base holds NaN", error.Message);
        Assert.Empty(Directory.GetFiles(config.OutputDir, "*.safetensors", SearchOption.AllDirectories));
    }

    /// <summary>All weights are finite, and a product is not.</summary>
    [Fact]
    public void Train_OfAProductThatOverflows_NamesItsLayer()
    {
        const string Name = "model.layers.1.self_attn.q_proj.weight";
        string folder = Variant.Of(Fixtures.Path("tiny/model"), tensors =>
        {
            for (int i = 0; i < 64; i++) tensors[Name] = tensors[Name].With(element: i, 3e38f);
        });
        var config = TrainerRun.Small() with { MaxSteps = 2 };
        using var run = new TrainerRun(Device, config, TrainerRun.RandomRows(4), adapter: null, folder: folder);
        var error = Assert.Throws<LapidaryException>(() => run.Trainer.Train(cancellationToken: Token));
        Assert.Matches(
            @"^Step 1: the loss of row [1-4] is NaN; all weights are finite, but layers\.1\.self_attn\.q_proj: [0-9,]+ of [0-9,]+ values "
            + "are not finite in ",
            error.Message);
    }

    [Fact]
    public void Score_OfANaNInTheBase_NamesRowsAndTensor()
    {
        var backend = TestDevice.Open(Device);
        using (var model = GemmaModel.Load(OneNaN(), backend))
        {
            var rows = new PackedDataSet(TrainerRun.RandomRows(12), PackingStrategy.None, 64, padTokenId: 0);
            using var evaluator = new Evaluator(model, rows, batchSize: 12);
            const string Rest = "NaN; tensor model.layers.1.self_attn.q_proj.weight of the base holds NaN at element 0";
            var whole = Assert.Throws<LapidaryException>(() => evaluator.Run(TestContext.Current.CancellationToken));
            Assert.Contains($"the loss of rows 1, 2, 3, 4, 5, 6, 7, 8 and 4 others is {Rest}", whole.Message, StringComparison.Ordinal);
            var each = Assert.Throws<LapidaryException>(() => evaluator.ScoreRows().ToArray());
            Assert.Contains($"the loss of row 1 is {Rest}", each.Message, StringComparison.Ordinal);
        }

        TestDevice.Close(backend);
    }

    private static string OneNaN() => Variant.Of(Fixtures.Path("tiny/model"), tensors =>
    {
        const string Name = "model.layers.1.self_attn.q_proj.weight";
        tensors[Name] = tensors[Name].With(element: 0, float.NaN);
    });

    /// <summary>After a step, makes weights whose next loss is finite and whose next gradient is not, and keeps their bits.</summary>
    private sealed class Spoil(int atStep, float ofA = 1e34f) : ITrainingObserver
    {
        public TrainerRun? Run { get; set; }

        public byte[] Bits { get; private set; } = [];

        public static byte[] BitsOf(TrainerRun run) => [.. run.Adapter.Parameters.SelectMany(parameter =>
        {
            byte[] bytes = new byte[parameter.Value.LengthBytes];
            run.Model.Backend.Read<byte>(parameter.Value, bytes);
            return bytes;
        })];

        public void OnCheckpoint(string folder)
        {
            if (!folder.EndsWith($"checkpoint-{atStep}", StringComparison.Ordinal)) return;
            foreach (var parameter in Run!.Adapter.Parameters)
            {
                float value = parameter.Name.Contains("lora_A", StringComparison.Ordinal) ? ofA : 0;
                Run.Model.Backend.Write<float>([.. Enumerable.Repeat(value, (int)parameter.Value.Count)], parameter.Value);
            }

            Bits = BitsOf(Run);
        }
    }
}
