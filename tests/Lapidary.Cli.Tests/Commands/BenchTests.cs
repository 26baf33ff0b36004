using System.Text.Json;
using Lapidary.Cli.Bench;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training;

namespace Lapidary.Cli.Tests.Commands;

public class BenchTests
{
    private static readonly BenchCase Small = new("small", "")
    {
        Size = "",
        Batch = 2,
        Length = 24,
        Accumulation = 2,
        Steps = 4,
        Warmup = 1,
        GradientCheckpointing = GradientCheckpointing.True,
    };

    private static readonly BenchCase Full = BenchCase.Find("full270m", "") with
    {
        Size = "",
        Batch = 2,
        Length = 24,
        Steps = 4,
        Warmup = 1,
    };

    [Fact]
    public void Bench_OfWhatCannotFit_IsRefusedBeforeTheModelIsMade()
    {
        var run = CliRun.Of("bench", "lean27b", "--length", "131072", "--device", "cpu");

        run.AssertError(1, "lean27b: Out of memory before it starts", "a smaller ");
        Assert.DoesNotContain("made in", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_MeasuresASizeAsOneJsonLine()
    {
        var run = CliRun.Of("bench", "270m", "--length", "16", "--steps", "1", "--warmup", "0", "--device", "cpu", "--lora-r", "4").Ok();

        Assert.Equal(1, run.Out.Count(c => c == '\n'));
        Assert.Equal("270m", run.Json.GetProperty("case").GetString());
        Assert.Equal("nf4", run.Json.GetProperty("quantization").GetString());
        Assert.Equal(16, run.Json.GetProperty("tokens_per_step").GetInt32());
        Assert.Equal(4, run.Json.GetProperty("lora_r").GetInt32());
        Assert.InRange(run.Json.GetProperty("loss_first").GetDouble(), Math.Log(262_144) - 1, Math.Log(262_144) + 2);
        Assert.InRange(run.Json.GetProperty("memory").GetProperty("Base").GetInt64(), 360L << 20, 400L << 20);
        Assert.StartsWith("0.1.0", run.Json.GetProperty("lapidary").GetString(), StringComparison.Ordinal);
        Assert.Contains("tokens/s", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_OnAGpu_MeasuresTrainingAndDecoding()
    {
        Assert.SkipWhen(CudaBackend.WhyUnavailable() is not null, CudaBackend.WhyUnavailable() ?? "");
        string[] train = ["270m", "--length", "96", "--batch", "2", "--train-embeddings", "--steps", "2"];
        string[] decode = ["--size", "270m", "--length", "5", "--max-new-tokens", "12", "--steps", "1"];
        var training = CliRun.Of(["bench", .. train, "--device", "cuda"]).Ok().Json;
        var decoding = CliRun.Of(["bench", .. decode, "--device", "cuda"]).Ok().Json;

        Assert.InRange(training.GetProperty("loss_first").GetDouble(), Math.Log(262_144) - 1, Math.Log(262_144) + 2);
        Assert.InRange(training.GetProperty("share_of_floor").GetDouble(), 0.001, 1);
        Assert.InRange(decoding.GetProperty("share_of_floor").GetDouble(), 0.001, 1);
        Assert.True(training.GetProperty("libraries").TryGetProperty("CublasLt", out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Training_ReportsTimesMemoryAndLosses(bool trainEmbeddings)
    {
        var bench = Small with { TrainEmbeddings = trainEmbeddings };
        var figures = Run((model, terminal) => TrainingBench.Run(bench, model, LoraConfig.Guide, terminal).WriteTo);

        double step = figures.GetProperty("step_seconds").GetDouble();
        Assert.Equal(96, figures.GetProperty("tokens_per_step").GetInt32());
        Assert.InRange(step, figures.GetProperty("step_seconds_min").GetDouble(), figures.GetProperty("step_seconds_max").GetDouble());
        Assert.Equal(96 / step, figures.GetProperty("tokens_per_second").GetDouble(), 1e-6);
        Assert.Equal(figures.GetProperty("products_seconds").GetDouble() / step, figures.GetProperty("share_of_floor").GetDouble(), 1e-9);
        Assert.True(figures.GetProperty("loss_last").GetDouble() < figures.GetProperty("loss_first").GetDouble());
        var memory = figures.GetProperty("memory");
        Assert.True(memory.GetProperty("Activations").GetInt64() > 0);
        Assert.True(figures.GetProperty("peak_bytes").GetInt64() >= memory.EnumerateObject().Sum(owner => owner.Value.GetInt64()));
    }

    [Fact]
    public void Training_OfEmbeddings_TakesOneTiedMatrixMore()
    {
        long Gradients(bool trainEmbeddings)
        {
            var bench = Small with { TrainEmbeddings = trainEmbeddings, Steps = 1 };
            var figures = Run((model, terminal) => TrainingBench.Run(bench, model, LoraConfig.Guide, terminal).WriteTo);
            return figures.GetProperty("memory").GetProperty("Gradients").GetInt64();
        }

        var config = GemmaConfig.Load(Fixtures.Path("tiny/model"));
        long matrix = sizeof(float) * config.VocabSize * config.HiddenSize;
        Assert.Equal(matrix, Gradients(trainEmbeddings: true) - Gradients(trainEmbeddings: false));
    }

    /// <summary>Fp32 with gradient and two moments, and nothing of the base beside it but its norms, as in train.</summary>
    [Fact]
    public void Training_OfAllWeights_HasNoBaseBesideThem()
    {
        var figures = Run(
            (model, terminal) => TrainingBench.Run(Full, model, LoraConfig.Guide, terminal).WriteTo,
            new ModelOptions { LoadOnUse = true });
        using var file = SafetensorsFile.Open(Fixtures.Path("tiny/model/model.safetensors"));
        long all = file.Entries.Sum(entry => entry.Shape.Aggregate(1L, (product, size) => product * size));
        long norms = file.Entries.Where(entry => entry.Shape.Length == 1).Sum(entry => entry.Shape[0]);
        var memory = figures.GetProperty("memory");
        long Of(string owner) => memory.GetProperty(owner).GetInt64();

        const int Rounding = 64 << 10; // gaps between matrices
        Assert.Equal("full", figures.GetProperty("method").GetString());
        Assert.False(figures.TryGetProperty("lora_r", out _));
        Assert.InRange(Of("Parameters") - all * sizeof(float), 0, Rounding);
        Assert.InRange(Of("Gradients") - all * sizeof(float), 0, Rounding);
        Assert.InRange(Of("Optimizer") - 2 * all * sizeof(float), 0, 2 * Rounding);
        Assert.InRange(Of("Base") - norms * sizeof(float), 0, Rounding);
        Assert.True(figures.GetProperty("loss_last").GetDouble() < figures.GetProperty("loss_first").GetDouble());
    }

    [Fact]
    public void Training_IsRepeatable()
    {
        double LastLoss() =>
            Run((model, terminal) => TrainingBench.Run(Small, model, LoraConfig.Guide, terminal).WriteTo)
                .GetProperty("loss_last").GetDouble();

        Assert.Equal(LastLoss(), LastLoss());
    }

    [Fact]
    public void Decoding_ReportsTimesBesideTheWeights()
    {
        var bench = Small with { NewTokens = 12, Steps = 3, Batch = 3 };
        var figures = Run((model, terminal) => DecodeBench.Run(bench, model, terminal));

        double step = figures.GetProperty("step_seconds").GetDouble(), floor = figures.GetProperty("floor_seconds").GetDouble();
        Assert.Equal(3 / step, figures.GetProperty("tokens_per_second").GetDouble(), 1e-6);
        Assert.Equal(floor / step, figures.GetProperty("share_of_floor").GetDouble(), 1e-9);
        Assert.True(figures.GetProperty("prefill_seconds").GetDouble() > 0);
        Assert.True(figures.GetProperty("peak_bytes").GetInt64() > figures.GetProperty("weight_bytes").GetInt64());
    }

    /// <summary>More texts than run at once, and as many as the device takes where nobody says.</summary>
    [Theory]
    [InlineData(2, 2)]
    [InlineData(0, 7)]
    public void Answers_ReportsTheTimeOfAllTexts(int batch, int atOnce)
    {
        var bench = Small with { Texts = 7, NewTokens = 5, Steps = 3, Batch = batch };
        var figures = Run((model, terminal) => AnswersBench.Run(bench, model, terminal));

        double seconds = figures.GetProperty("seconds").GetDouble();
        Assert.Equal(atOnce, figures.GetProperty("batch").GetInt32());
        Assert.Equal(7 / seconds, figures.GetProperty("texts_per_second").GetDouble(), 1e-6);
        Assert.Equal(35 / seconds, figures.GetProperty("tokens_per_second").GetDouble(), 1e-6);
        Assert.InRange(figures.GetProperty("share_of_floor").GetDouble(), 1e-9, 1);
    }

    [Theory]
    [InlineData("decode1b --length 600000", "decode1b: expected at most 32768 tokens, the context of 1b,", "found 600000 + 2405 (")]
    [InlineData("decode1b --length 32706", "found 32706 + 189 (60 to measure after 129 while prompts are stored);")]
    [InlineData("decode1b --length 1048576 --batch 4096", "found 1048576 + 16777278 (")]
    [InlineData("answers1b --length 32709", "expected at most 32768 tokens", "found 32709 + 60;", "--length or --max-new-tokens.")]
    [InlineData("decode4b answers1b --max-new-tokens 40000", "answers1b: expected", "found 300 + 40000;")]
    [InlineData("--size 270m --length 32768 --max-new-tokens 1", "custom: expected", "the context of 270m", "found 32768 + 131 (1 to ")]
    [InlineData(
        "270m --length 32769", "270m: expected at most 32768 tokens, the context of 270m, in a row, found 32769;",
        "a smaller --length")]
    [InlineData("full270m --length 32769", "full270m: expected at most 32768 tokens")]
    [InlineData(
        "270m --batch 4096 --length 1048576 --accumulation 65536",
        "270m: expected at most 2147483647 tokens in a step, found 4096 × 1048576 × 65536;", "--accumulation")]
    public void LengthsBeyondTheContext_AreRefusedBeforeTheModelIsMade(string options, params string[] words)
    {
        var run = CliRun.Of([.. "bench --device cpu".Split(' '), .. options.Split(' ')]);

        run.AssertError(2, words);
        Assert.DoesNotContain("made in", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheLongestThatTheContextHolds_IsNotRefused()
    {
        var decode = BenchCase.Find("decode1b", "") with { Length = 32579 };
        var answers = BenchCase.Find("answers1b", "") with { Length = 32708 };

        Assert.Equal((32768, null), (decode.Length + decode.TokensPerText, decode.Obstacle));
        Assert.Null(answers.Obstacle);
    }

    /// <summary>An engine with so small a share of memory that one text alone gets room.</summary>
    [Fact]
    public void WhereMemoryIsShort_TheTextsThatItHoldsAreReported()
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Random(GemmaConfig.Load(Fixtures.Path("tiny/model")), backend, new ModelOptions(), seed: 1);
        using var engine = new GenerationEngine(model, 4) { Sharers = int.MaxValue - 1 };
        var bench = Small with { Texts = 4, NewTokens = 3, Steps = 1, Batch = 4 };

        Assert.Equal(0, engine.TextsAtOnce);
        Assert.Equal(1, AnswersBench.Generations(bench, engine, TestContext.Current.CancellationToken).AtOnce);
        var error = Assert.Throws<LapidaryException>(() => DecodeBench.RequireRoom(bench, engine));
        Assert.Equal("Memory has room for 1 of 4 texts at once; give --batch 1.", error.Message);
    }

    [Fact]
    public void Bench_StopsWhenInterrupted()
    {
        var run = CliRun.Of("", new CancellationToken(canceled: true), "bench", "--size", "270m", "--length", "2", "--device", "cpu");

        Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
        Assert.EndsWith("lapidary: interrupted.\n", run.Error, StringComparison.Ordinal);
        Assert.Equal("", run.Out);
    }

    [Theory]
    [InlineData("bench big1", "there is no case big1", "guide1b, lora1b", "Did you mean big1b?")]
    [InlineData("bench", "expected a case (guide1b, ", "--size")]
    [InlineData("bench --stps 3", "there is no option or command --stps", "Did you mean --steps?")]
    [InlineData("bench --size 2b", "--size: expected 270m, 1b, 4b, 12b, 27b, found \"2b\"")]
    [InlineData("bench full270m --lora-r 8", "full270m trains all weights: expected no --lora-r")]
    [InlineData("bench 270m full270m --quantization nf4", "full270m trains all weights: expected no --quantization")]
    [InlineData("bench 270m --texts 3", "270m decodes nothing: expected no --texts", "answers1b")]
    [InlineData("bench answers1b --max-new-tokens 0", "answers1b measures answers: expected --max-new-tokens of at least 1")]
    [InlineData("bench 270m --batch 0", "--batch: expected a whole number from 1 to 4096")]
    [InlineData("bench 270m --gradient-checkpointing=maybe", "true or false")]
    public void WrongUsage_Is2(string line, params string[] words) => CliRun.Of(line.Split(' ')).AssertError(2, [.. words, "--help"]);

    [Fact]
    public void Help_ListsEveryCase()
    {
        string[] words = CliRun.Of("bench", "--help").Ok().Out.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        string help = string.Join(' ', words);

        Assert.All(BenchCase.All, bench => Assert.Contains($"{bench.Name}: {bench.Meaning}", help, StringComparison.Ordinal));
    }

    /// <summary>What the design asks of the cases.</summary>
    [Theory]
    [InlineData("guide1b", "1b", 2048, true, GradientCheckpointing.Auto)]
    [InlineData("lora1b", "1b", 2048, false, GradientCheckpointing.Auto)]
    [InlineData("big1b", "1b", 16384, false, GradientCheckpointing.Auto)]
    [InlineData("big4b", "4b", 8192, false, GradientCheckpointing.Auto)]
    [InlineData("best12b", "12b", 2048, false, GradientCheckpointing.Auto)]
    [InlineData("lean27b", "27b", 2048, false, GradientCheckpointing.True)]
    public void Cases_AreThoseOfTheTable(string name, string size, int tokens, bool trainEmbeddings, GradientCheckpointing checkpointing)
    {
        var bench = BenchCase.Find(name, "lapidary bench");

        Assert.Equal(
            (size, tokens, trainEmbeddings, checkpointing),
            (bench.Size, bench.TokensPerStep, bench.TrainEmbeddings, bench.GradientCheckpointing));
    }

    [Theory]
    [InlineData(new double[] { 3 }, 3, 3, 3)]
    [InlineData(new double[] { 5, 1, 3 }, 3, 1, 5)]
    [InlineData(new double[] { 4, 1, 9, 2 }, 3, 1, 9)]
    public void Spread_IsMedianAndRange(double[] values, double median, double min, double max) =>
        Assert.Equal(new Spread(median, min, max), Spread.Of(values));

    private static JsonElement Run(Func<GemmaModel, Terminal, Action<Utf8JsonWriter>> measure, ModelOptions? options = null)
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Random(
            GemmaConfig.Load(Fixtures.Path("tiny/model")), backend, options ?? new ModelOptions { Quantization = QuantizationKind.Nf4 },
            seed: 1);
        var figures = measure(model, new Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null));
        using var output = new StringWriter();
        JsonResult.Write(output, figures);
        return JsonDocument.Parse(output.ToString()).RootElement;
    }
}
