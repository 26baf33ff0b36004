using System.Text.Json;
using Lapidary.Cli.Cards;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Tests.Commands;

public sealed class PlanTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Plan_OfASize_NeedsNoModelNoRowsAndNoGpu()
    {
        var json = CliRun.Of("plan", "--size", "1b", "--device", "cuda", "--memory", "24GiB", "--json").Ok().Json;
        Assert.True(json.GetProperty("fits").GetBoolean());
        long predicted = json.GetProperty("predicted_bytes").GetInt64();
        Assert.Equal(predicted, json.GetProperty("parts").EnumerateObject().Sum(part => part.Value.GetInt64()));
        Assert.InRange(predicted, 5L << 30, json.GetProperty("budget_bytes").GetInt64());
        Assert.InRange(json.GetProperty("parts").GetProperty("decoded_weights").GetInt64(), 1L << 30, 2L << 30);
        Assert.Equal(4, json.GetProperty("rows_per_run").GetInt32());
        Assert.Equal(0, json.GetProperty("recomputed_layers").GetInt32());
        Assert.InRange(json.GetProperty("largest_per_device_train_batch_size").GetInt32(), 4, 4096);
    }

    /// <summary>Less memory never fits more, nor does a larger model; a T4's speed is that of its long runs.</summary>
    [Fact]
    public void Plan_OfACard_ShowsWhatFitsOnIt()
    {
        static CardTable Plan(string card) => CardTable.Of(GpuCards.Find(card)!, new CudaOptions(), freeBytes: null);
        static int[] Rows(IEnumerable<CardFit> fits) => [.. fits.Select(fit => fit.Rows)];
        CardTable t4 = Plan("t4"), laptop = Plan("rtx-4060-laptop");
        Assert.Equal((DType.Float16, DType.BFloat16), (t4.ComputesIn, laptop.ComputesIn));
        foreach (var (fits, ofLess) in new[] { (t4.Lora, laptop.Lora), (t4.Guide, laptop.Guide) })
        {
            Assert.Equal(Rows(fits).OrderDescending(), Rows(fits));
            Assert.All(Rows(ofLess).Zip(Rows(fits)), pair => Assert.True(pair.First <= pair.Second));
        }

        double[] speeds = [.. t4.Lora.Select(fit => fit.TokensPerSecond).OfType<double>()];
        Assert.Equal(speeds.OrderDescending(), speeds);
        Assert.InRange(speeds[1], 3000, 5000); // 1b: some 4 · 10⁹ operations a token at 20 TFLOP/s
        Assert.All(laptop.Lora, fit => Assert.Null(fit.TokensPerSecond));

        using var text = new StringWriter();
        foreach (var table in new[] { t4, laptop }) table.Show(text);
        Assert.All(
            (string[])
            [
                "card       T4: compute capability 7.5, 14.7 GiB, 320 GB/s, 65 TFLOP/s; computes in float16",
                "computed, not measured: 20 TFLOP/s", "unknown: a laptop's watts",
            ],
            words => Assert.Contains(words, text.ToString(), StringComparison.Ordinal));
    }

    /// <summary>fp32 for the residual stream takes more than bf16 for all, on the same card.</summary>
    [Fact]
    public void Plan_OfASizeOnACard_CountsWithItsTypes()
    {
        long Bytes(params string[] options) => CliRun.Of([
            "plan", "--size", "1b", "--modules-to-save", "none", "--gradient-checkpointing", "true", .. options, "--json",
        ]).Ok().Json.GetProperty("parts").GetProperty("activations").GetInt64();
        Assert.True(Bytes("--gpu", "l4", "--dtype", "float16") > Bytes("--gpu", "l4"));
        Assert.Equal(Bytes("--gpu", "l4", "--dtype", "bfloat16"), Bytes("--gpu", "l4"));
    }

    /// <summary>A run's file names the device of the run, which the card takes the place of.</summary>
    [Theory]
    [InlineData("run_file_version: 2\nmodel: $\ndevice: cuda:3\n")]
    [InlineData("model: $\ndevice: cpu\n")]
    public void Plan_OfARunOnACard_PutsTheCardInPlaceOfItsDevice(string yaml)
    {
        string file = _folder["plan.yaml"];
        File.WriteAllText(file, yaml.Replace("$", TinyModel.Folder, StringComparison.Ordinal));
        foreach (string use in new[] { "train", "serve" })
        {
            var json = CliRun.Of("plan", "--for", use, "--config", file, "--gpu", "t4", "--json").Ok().Json;
            Assert.StartsWith("T4, ", json.GetProperty("device").GetString(), StringComparison.Ordinal);
        }

        CliRun.Of("plan", "--config", file, "--gpu", "t4", "--device", "cpu").AssertError(2, "expected no --device");
    }

    [Theory]
    [InlineData("v100", "CUDA 12. Choose another of those that --gpu list shows.")]
    [InlineData("v100 --size 1b", "CUDA 12. Choose another of those that --gpu list shows.")]
    [InlineData("p100", "compute capability 6.0")]
    [InlineData("t4 --dtype bfloat16", "do not multiply bf16")]
    [InlineData("t4 --size 1b --dtype bfloat16", "do not multiply bf16")]
    public void Plan_OfACardThatCannot_SaysWhy(string card, string words) =>
        CliRun.Of(["plan", "--gpu", .. card.Split(' ')]).AssertError(1, words);

    /// <summary>1b: some 4 · 10⁹ operations a token at 0.7 TFLOP/s.</summary>
    [Fact]
    public void Plan_OfACardWithoutTensorCores_SaysThatItIsSlow()
    {
        var run = CliRun.Of("plan", "--gpu", "NVIDIA GeForce GTX 1650", "--json").Ok();
        Assert.Contains("note       GTX 1650 has no tensor cores: products take some 50 times", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--device", run.Error, StringComparison.Ordinal);
        Assert.Equal("float16", run.Json.GetProperty("computes_in").GetString());
        var fit = run.Json.GetProperty("lora").EnumerateArray().First(fit => fit.GetProperty("size").GetString() == "270m");
        Assert.InRange(fit.GetProperty("tokens_per_second").GetDouble(), 200, 1200);
        AssertSpeed("gtx-1650", "by its multiprocessors from a GTX 1660 Super's");
        AssertSpeed("mx450", "unknown: a laptop's watts");
        Assert.Empty(CliRun.Of("plan", "--gpu", "t4", "--size", "270m").Ok().Error);

        static void AssertSpeed(string card, string words) =>
            Assert.Contains(words, CliRun.Of("plan", "--gpu", card).Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_KnowsItsCards()
    {
        string text = CliRun.Of("plan", "--gpu", "list").Ok().Out;
        Assert.Equal(text, CliRun.Of("plan", "--for", "serve", "--gpu", "list").Ok().Out);
        Assert.All(GpuCards.All, card => Assert.Contains($"{card.Name} ", text, StringComparison.Ordinal));
        Assert.Equal(GpuCards.All.Count, GpuCards.All.Select(card => card.Name).Distinct().Count());
        Assert.All(GpuCards.All, card => Assert.Same(card, GpuCards.Find($"NVIDIA GeForce {card.FullName}")));
        Assert.Equal("t4", GpuCards.Find("Tesla_T4")!.Name);
    }

    /// <summary>Names as nvidia-smi prints them.</summary>
    [Theory]
    [InlineData("NVIDIA A100-SXM4-80GB", "a100-80gb")]
    [InlineData("NVIDIA A100-PCIE-40GB", "a100-40gb")]
    [InlineData("NVIDIA A100 80GB PCIe", "a100-80gb")]
    [InlineData("Tesla T4", "t4")]
    [InlineData("NVIDIA L4", "l4")]
    [InlineData("NVIDIA H100 80GB HBM3", "h100")]
    [InlineData("NVIDIA H100 PCIe", "h100-pcie")]
    [InlineData("NVIDIA H200", "h200")]
    [InlineData("NVIDIA GeForce RTX 3060 Laptop GPU", "rtx-3060-laptop")]
    [InlineData("NVIDIA GeForce RTX 4060 Laptop GPU", "rtx-4060-laptop")]
    [InlineData("Tesla V100-SXM2-16GB", "v100")]
    [InlineData("NVIDIA A10G", "a10g")]
    [InlineData("Quadro RTX 6000", "quadro-rtx-6000")]
    [InlineData("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada")]
    [InlineData("NVIDIA RTX A6000", "rtx-a6000")]
    [InlineData("NVIDIA GeForce GTX 1650 with Max-Q Design", "gtx-1650")]
    [InlineData("NVIDIA A100", null)]
    [InlineData("Tesla V100-SXM2-32GB", null)]
    [InlineData("NVIDIA", null)]
    public void Plan_KnowsTheDriversNames(string name, string? card) => Assert.Equal(card, GpuCards.Find(name)?.Name);

    [Theory]
    [InlineData("NVIDIA A100", "did you mean a100-40gb or a100-80gb?")]
    [InlineData("4090", "did you mean rtx-4090?")]
    [InlineData("Tesla V100-SXM2-32GB", "did you mean v100?")]
    [InlineData("NVIDIA H10O 80GB HBM3", "did you mean h100?")]
    public void Plan_OfACardThatIsNearlyNamed_SaysTheName(string name, string words) =>
        CliRun.Of("plan", "--gpu", name).AssertError(2, words);

    [Theory]
    [InlineData("999TiB", true)]
    [InlineData("14GiB", false)]
    public void Plan_WithMoreMemoryThanTheCardHas_SaysSo(string memory, bool isSaid)
    {
        const string Words = "is more than the 14.7 GiB of T4; the plan is for the given number.";
        var run = CliRun.Of("plan", "--gpu", "t4", "--memory", memory, "--size", "270m").Ok();
        Assert.Equal(isSaid, run.Error.Contains(Words, StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_ShowsPartsAndChoices()
    {
        string text = CliRun.Of("plan", "--size", "27b", "--device", "cuda", "--memory", "24GiB", "--modules-to-save", "none").Ok().Out;
        string[] parts = ["62 layers", "base", "gradients", "activations", "workspace"];
        string[] choices = ["4 micro-batches of 512 tokens run as one of 2,048", "of 62 layers computed again"];
        Assert.All(
            [.. parts, .. choices],
            words => Assert.Contains(words, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_OfTheSameOptions_IsWhatTrainMeasures()
    {
        string[] options =
        [
            "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(8)), "--threads", "2",
            "--device", "cpu", "--packing", "false", "--max-length", "16", "--test-size", "2", "--gradient-accumulation-steps", "2",
        ];
        var plan = CliRun.Of(["plan", .. options, "--json"]).Ok().Json;

        var train = CliRun.Of(["train", .. options, "--output-dir", _folder["out"], "--max-steps", "2", "--json"]).Ok();

        Assert.Contains("memory     predicted", train.Error, StringComparison.Ordinal);
        Assert.Contains("note       2 micro-batches of 64 tokens run as one of 64.", train.Error, StringComparison.Ordinal);
        double predicted = plan.GetProperty("predicted_bytes").GetDouble();
        Assert.Equal(predicted, train.Json.GetProperty("predicted_bytes").GetDouble(), predicted / 20);
        Assert.Equal(predicted, train.Json.GetProperty("peak_bytes").GetDouble(), predicted / 20);
    }

    [Fact]
    public void Plan_ReadsConfigJsonAlone()
    {
        File.Copy(Path.Combine(TinyModel.Folder, GemmaConfig.FileName), Path.Combine(_folder.Path, GemmaConfig.FileName));
        Assert.Equal(7, CliRun.Of("plan", "--model", _folder.Path, "--device", "cpu", "--json").Ok().Json.GetProperty("layers").GetInt32());
    }

    [Fact]
    public void Plan_ForADeviceThatIsNotHere_AsksForItsMemory() =>
        CliRun.Of("plan", "--size", "1b", "--device", "cuda:99").AssertError(2, "--memory");

    [Theory]
    [InlineData("", "--size (or --model, --adapter, --gpu) is missing")]
    [InlineData("--size 13b", "--size: expected 270m, 1b, 4b, 12b, 27b, found \"13b\"")]
    [InlineData("--size 1b --model x", "no --model")]
    [InlineData("--size 1b --dataset x", "no --dataset")]
    [InlineData("--gpu rtx-9999", "--gpu: expected a card such as t4")]
    [InlineData("--gpu rtx-4061", "found \"rtx-4061\"; did you mean rtx-4060?\n")]
    [InlineData("--gpu a100", "found \"a100\"; did you mean a100-40gb or a100-80gb?\n")]
    [InlineData("--gpu t4 --device cpu", "expected no --device")]
    [InlineData("--gpu list --size 1b", "expected no model")]
    [InlineData("--size 1b --memory lots", "--memory: expected a size")]
    [InlineData("--size 1b --max-batch 4", "--max-batch is an option of answers; give --for serve beside it")]
    [InlineData("--size 1b --adapter-count 2", "--adapter-count is an option of answers; give --for serve beside it")]
    [InlineData("--for serve --size 1b --lora-r 4", "--for serve plans answers of a model: expected no --lora-r")]
    [InlineData("--for serve --size 1b --max-length 40000", "--max-length 40000: expected at most the model's context of 32768")]
    [InlineData("--for serve --size 1b --model x", "no --model")]
    [InlineData("--for serve --gpu t4", "expected --size or --model beside --gpu")]
    [InlineData("--size 1b --memory 24", "--memory: expected 1MiB or more, such as 24GiB, found \"24\"")]
    public void Plan_RefusesWhatItCannotPlan(string line, string words) =>
        CliRun.Of(["plan", .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)]).AssertError(2, words);

    [Theory]
    [InlineData("auto", "less memory is taken with a smaller --max-length")]
    [InlineData("false", "less memory is taken with --gradient-checkpointing auto, a smaller --max-length")]
    public void Plan_OfWhatDoesNotFit_SaysWhatHelps(string checkpointing, string words)
    {
        string text = CliRun.Of(
            "plan", "--size", "27b", "--memory", "8GiB", "--device", "cpu", "--gradient-checkpointing", checkpointing).Ok().Out;
        Assert.Contains("of 7.6 GiB that a run can take: does not fit", text, StringComparison.Ordinal);
        Assert.Contains(words, text, StringComparison.Ordinal);
    }

    /// <summary>Sums of 1B's figures: 22 local layers with a window of 512 and pieces of 512, 4 global ones, 1 KiB a token and
    /// layer.</summary>
    [Fact]
    public void Plan_ForServe_CountsKeysAndValues_AndTheLargestNumbers()
    {
        string[] line = ["plan", "--for", "serve", "--size", "1b", "--device", "cuda", "--memory", "24GiB", "--max-batch", "16"];
        var json = CliRun.Of([.. line, "--max-length", "8192", "--json"]).Ok().Json;
        long answer = 1024 * ((22 * (512 + 512 - 1)) + (4 * 8192));
        Assert.Equal(answer, json.GetProperty("answer_bytes").GetInt64());
        Assert.Equal(16 * answer, json.GetProperty("parts").GetProperty("kv_cache").GetInt64());
        Assert.Equal(
            json.GetProperty("predicted_bytes").GetInt64(), json.GetProperty("parts").EnumerateObject().Sum(part => part.Value.GetInt64()));
        Assert.InRange(json.GetProperty("largest_max_batch").GetInt32(), 200, 220); // half of what the weights leave
        Assert.Equal(32768, json.GetProperty("largest_max_length").GetInt32());

        string text = CliRun.Of(line).Ok().Out;
        Assert.Contains("answers    16 at a time, each of up to 32,768 tokens", text, StringComparison.Ordinal);
        Assert.Contains("largest    --max-batch 75 for answers of up to 32,768 tokens", text, StringComparison.Ordinal);
        Assert.Contains("  base: weights\n", text, StringComparison.Ordinal);
        text = CliRun.Of("plan", "--for", "serve", "--size", "1b", "--device", "cpu").Ok().Out;
        Assert.Contains("  base: weights, without those in 16 bits, which stay in the mapped file\n", text, StringComparison.Ordinal);
    }

    /// <summary>Without --max-batch serve takes as many answers as memory holds, so the plan does too.</summary>
    [Fact]
    public void Plan_ForServe_WithoutANumberOfAnswers_TakesWhatFits()
    {
        string[] line = ["plan", "--for", "serve", "--size", "1b", "--gpu", "t4"];
        var json = CliRun.Of([.. line, "--json"]).Ok().Json;
        Assert.True(json.GetProperty("fits").GetBoolean());
        Assert.InRange(json.GetProperty("max_batch").GetInt32(), 30, 50);
        Assert.Equal(json.GetProperty("largest_max_batch").GetInt32(), json.GetProperty("max_batch").GetInt32());

        Assert.Equal(256, CliRun.Of([.. line, "--max-length", "512", "--json"]).Ok().Json.GetProperty("max_batch").GetInt32());
        Assert.Contains(
            "does not fit, because keys and values take at most half", CliRun.Of([.. line, "--max-batch", "64"]).Ok().Out,
            StringComparison.Ordinal);
        string tiny = CliRun.Of([.. line, "--memory", "1MiB"]).Ok().Out;
        Assert.Contains("answers    1 at a time", tiny, StringComparison.Ordinal);
        Assert.Contains("largest    not one answer of up to 32,768 tokens fits", tiny, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_ForServe_CountsAdapters()
    {
        string[] line = ["plan", "--for", "serve", "--size", "1b", "--device", "cpu", "--max-batch", "4", "--max-length", "1024", "--json"];
        var alone = Parts();
        Assert.False(alone.TryGetProperty("parameters", out _));

        // Rank 4: of each layer's projections the numbers of inputs and outputs, in fp32.
        const int Seed = 64; // of dropout, with what keeps blocks apart
        long sums = 26 * ((1152 + 1024) + (2 * (1152 + 256)) + (1024 + 1152) + (3 * (1152 + 6912)));
        Assert.Equal((4 * 4 * sums) + Seed, Parts("--adapter-count", "1", "--lora-r", "4").GetProperty("parameters").GetInt64());
        var three = Parts("--adapter-count", "3", "--lora-r", "4");
        Assert.Equal(3 * ((4 * 4 * sums) + Seed), three.GetProperty("parameters").GetInt64());
        Assert.Equal(alone.GetProperty("kv_cache").GetInt64(), three.GetProperty("kv_cache").GetInt64());

        // An embedding that is its own has answers of its own.
        var own = Parts("--adapter-count", "2", "--lora-r", "4", "--modules-to-save", "embed_tokens");
        Assert.Equal(2 * ((4 * ((4 * sums) + (262144L * 1152))) + Seed), own.GetProperty("parameters").GetInt64());
        Assert.Equal(3 * alone.GetProperty("kv_cache").GetInt64(), own.GetProperty("kv_cache").GetInt64());

        JsonElement Parts(params string[] more) => CliRun.Of([.. line, .. more]).Ok().Json.GetProperty("parts");
    }

    [Fact]
    public void Plan_ForServe_ReadsTheAdapter()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(TinyModel.Folder, backend);
        using (var made = Adapter.Create(model, new LoraConfig { R = 3 }, seed: 1)) made.Save(_folder["adapter"], model);
        using var adapter = Adapter.Load(model, _folder["adapter"]);

        string[] line = ["plan", "--for", "serve", "--model", TinyModel.Folder, "--device", "cpu", "--adapter", _folder["adapter"]];
        var json = CliRun.Of([.. line, "--json"]).Ok().Json;
        Assert.Equal(1, json.GetProperty("adapters").GetInt32());
        Assert.Equal(
            backend.Memory.LiveBytesOf(MemoryOwner.Parameters), json.GetProperty("parts").GetProperty("parameters").GetInt64());
        Assert.Contains(
            "adapters   2 of rank 3 beside the base, which share its answers", Text("--adapter-count", "2"), StringComparison.Ordinal);
        Assert.DoesNotContain("adapters", Text("--adapter-count", "0"), StringComparison.Ordinal);
        CliRun.Of([.. line, "--adapter-count", "2", "--lora-r", "4"]).AssertError(1, "has lora_r 3, found --lora-r 4");

        // serve would refuse half a file, and would take the weights of one that is still to be fetched.
        string weights = _folder["adapter/adapter_model.safetensors"];
        byte[] whole = File.ReadAllBytes(weights);
        File.WriteAllBytes(weights, whole[..(whole.Length / 2)]);
        CliRun.Of(line).AssertError(1, weights);
        File.Delete(weights);
        CliRun.Of(line).Ok();

        string Text(params string[] more) => CliRun.Of([.. line, .. more]).Ok().Out;
    }

    [Fact]
    public async Task Plan_ForServe_IsWhatAnEngineTakes()
    {
        var json = CliRun.Of(
            "plan", "--for", "serve", "--model", TinyModel.Folder, "--device", "cpu", "--threads", "2", "--max-batch", "3", "--json")
            .Ok().Json;
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(TinyModel.Folder, backend);
        using var engine = new GenerationEngine(model, 3) { ReservedLength = json.GetProperty("max_length").GetInt32() };
        var options = new GenerationOptions { MaxNewTokens = 2 };
        await engine.GenerateAsync([5, 6], options, cancellationToken: TestContext.Current.CancellationToken);
        var parts = json.GetProperty("parts");
        Assert.Equal(parts.GetProperty("kv_cache").GetInt64(), backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
        Assert.Equal(parts.GetProperty("activations").GetInt64(), backend.Memory.LiveBytesOf(MemoryOwner.Activations));
    }
}
