using System.Security.Cryptography;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>What merge and quantize leave in their folder, and what they leave alone.</summary>
public sealed class MergeOutputTests : IDisposable
{
    private static readonly MergeOptions Float32 = new() { DType = DType.Float32 };

    private readonly string _root = Fixtures.TemporaryFolder();
    private readonly CpuBackend _backend = new(threads: 1);

    private string Base => At("base");

    private string AdapterFolder => At("adapter");

    private string Output => At("merged");

    public MergeOutputTests()
    {
        Copy(Fixtures.Path("tiny/model"), Base);
        Copy(Fixtures.Path("tiny/adapter"), AdapterFolder);
    }

    public void Dispose()
    {
        _backend.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData("base/")]
    [InlineData("base/../base")]
    [InlineData("adapter/.")]
    [InlineData("link")]
    public void Output_ThatIsRead_IsRefusedUntouched(string output)
    {
        Directory.CreateSymbolicLink(At("link"), "base");
        string[] before = State();
        foreach (bool overwrite in new[] { true, false })
        {
            Refused("would be overwritten", () => Merger.Merge(Base, AdapterFolder, At(output), Float32 with { Overwrite = overwrite }));
            if (!output.StartsWith("adapter", StringComparison.Ordinal))
                Refused("would be overwritten", () => Quantizer.Quantize(Base, At(output), new() { Overwrite = overwrite }, _backend));
        }

        Assert.Equal(before, State());
    }

    [Fact]
    public void Output_ThatTheTokenizerIsReadFrom_IsRefusedUntouched()
    {
        WriteTokenizer(At("tokenizer"), "run");
        string[] before = State();
        Refused("would be overwritten", () =>
            Merger.Merge(Base, AdapterFolder, At("tokenizer"), Float32 with { TokenizerFolder = At("tokenizer"), Overwrite = true }));
        Assert.Equal(before, State());
    }

    [Fact]
    public void Output_ThatIsInUse_IsRefused()
    {
        using (FolderLock.Acquire(Output))
        {
            Refused("in use by process", () => Merger.Merge(Base, AdapterFolder, Output, Float32));
            Refused("in use by process", () => Quantizer.Quantize(Base, Output, new(), _backend));
        }

        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void Output_MayBeTheFolderAroundTheBase()
    {
        Merger.Merge(Base, AdapterFolder, _root, Float32);
        Assert.True(File.Exists(At("config.json")) && File.Exists(At("model.safetensors")));
        Assert.Equal(File.ReadAllBytes(Fixtures.Path("tiny/model/model.safetensors")), File.ReadAllBytes(At("base/model.safetensors")));
    }

    [Fact]
    public void Merge_OpensAllThatItReadsBeforeItWrites()
    {
        string[] before = State();
        Refused("expected a tokenizer folder", () =>
            Merger.Merge(Base, AdapterFolder, Output, Float32 with { TokenizerFolder = At("nope") }));
        WriteTokenizer(At("damaged"), "{% for %}");
        Assert.Throws<LapidaryException>(() =>
            Merger.Merge(Base, AdapterFolder, Output, Float32 with { TokenizerFolder = At("damaged") }));
        Directory.Delete(At("damaged"), recursive: true);
        Assert.Throws<LapidaryException>(() => Merger.Merge(Base, At("nope"), Output, Float32));
        Assert.Throws<LapidaryException>(() => Merger.Merge(At("nope"), AdapterFolder, Output, Float32));
        Assert.Equal(before, State());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Merge_ThatEndsInTheMiddle_LeavesWhatWasThere(bool interrupted)
    {
        Copy(Fixtures.Path("tiny/merged_fp32"), Output);
        string[] before = State();
        using var stop = new CancellationTokenSource();
        var options = Float32 with { Overwrite = true, CancellationToken = stop.Token, Progress = new Told(OnProgress) };
        Assert.ThrowsAny<Exception>(() => Merger.Merge(Base, AdapterFolder, Output, options));
        Assert.Equal(before, State());

        void OnProgress(long done, long all)
        {
            if (done < all / 2) return;
            if (!interrupted) throw FileErrors.Writing(Output, new IOException("No space left on device", 28));
            stop.Cancel();
        }
    }

    [Fact]
    public void Quantize_ThatEndsInTheMiddle_LeavesNothing()
    {
        using var stop = new CancellationTokenSource();
        var options = new QuantizeOptions { CancellationToken = stop.Token, Progress = new Told((_, _) => stop.Cancel()) };
        Assert.Throws<OperationCanceledException>(() => Quantizer.Quantize(Base, Output, options, _backend));
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void Merge_OfNumbersThatAreNotFinite_IsRefused()
    {
        Change(Path.Combine(AdapterFolder, "adapter_model.safetensors"), BitConverter.GetBytes(float.NaN));
        string message = Assert.Throws<LapidaryException>(() => Merger.Merge(Base, AdapterFolder, Output, Float32)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.False(Directory.Exists(Output));
    }

    /// <summary>The embedding's row of a token that the check's text does not have.</summary>
    [Theory]
    [InlineData(float.NaN, null, "Tensor model.embed_tokens.weight would hold NaN at element 96005")]
    [InlineData(1e5f, DType.Float16, "would hold 99840 at element 96005, which is too large for Float16")]
    public void Merge_OfNumbersThatTheCheckDoesNotSee_IsRefused(float value, DType? dtype, string message)
    {
        string folder = Untied(tensors => tensors[Embedding] = tensors[Embedding].With(element: 1000 * 96 + 5, value));
        Refused(message, () => Merger.Merge(folder, AdapterFolder, Output, new() { DType = dtype }));
        Assert.False(Directory.Exists(Output));
    }

    [Fact]
    public void Merge_CopiesNoNumberThatIsNotFinite()
    {
        const string Query = "model.layers.1.self_attn.q_proj.weight";
        string folder = Untied(tensors => tensors[Query] = tensors[Query].With(element: 7, float.NegativeInfinity));
        string adapter = Variant.Of(
            AdapterFolder, tensors =>
            {
                foreach (string name in tensors.Keys.Where(name => name.Contains("q_proj", StringComparison.Ordinal)).ToArray())
                    tensors.Remove(name);
            },
            json => json["target_modules"]!.AsArray().RemoveAll(name => (string)name! == "q_proj"));
        Refused($"tensor {Query} holds -Infinity at element 7", () => Merger.Merge(folder, adapter, Output, new()));
    }

    [Theory]
    [InlineData(Embedding)]
    [InlineData("model.norm.weight")]
    [InlineData("lm_head.weight")]
    [InlineData("model.layers.1.self_attn.q_proj.weight")]
    public void Quantize_OfNumbersThatAreNotFinite_IsRefused(string tensor)
    {
        string folder = Untied(tensors => tensors[tensor] = tensors[tensor].With(element: 5, float.NaN));
        Refused(tensor, () => Quantizer.Quantize(folder, Output, new(), _backend));
        Assert.False(Directory.Exists(Output));
    }

    /// <summary>Some tools read the ids from generation_config.json, others from config.json.</summary>
    [Theory]
    [InlineData("1", "1,6")]
    [InlineData("[1, 6]", "1,6")]
    [InlineData("[3]", "3,1,6")]
    public void Merge_WritesTheRunsStopsToConfigJsonToo(string before, string after)
    {
        WriteTokenizer(AdapterFolder, "run<end_of_turn>");
        string folder = Variant.Of(Base, json: json => json["eos_token_id"] = System.Text.Json.Nodes.JsonNode.Parse(before));
        Merger.Merge(folder, AdapterFolder, Output, new());
        var config = GemmaConfig.Load(Output);
        Assert.Equal(after, string.Join(',', config.EosTokenIds));
        Assert.Equal(after, string.Join(',', GenerationConfig.Load(Output, config).EosTokenIds));
    }

    [Fact]
    public void Merge_GivesTheRunsTokenizerTemplateAndStops()
    {
        WriteTokenizer(Base, "base");
        Merge(new());
        Assert.Equal("base", Template());
        WriteTokenizer(AdapterFolder, "run<end_of_turn>");
        Merge(new());
        Assert.Equal("run<end_of_turn>", Template());
        var config = GemmaConfig.Load(Output);
        Assert.Contains(Tokenizer.Load(Output).EndOfTurnTokenId!.Value, GenerationConfig.Load(Output, config).EosTokenIds);
        WriteTokenizer(At("other"), "other");
        Merge(new() { TokenizerFolder = At("other") });
        Assert.Equal("other", Template());

        void Merge(MergeOptions options) => Merger.Merge(Base, AdapterFolder, Output, options with { Overwrite = true });

        string Template() => ChatTemplate.Load(Output).Text;
    }

    [Fact]
    public void Quantize_KeepsTheProcessorsFiles()
    {
        File.WriteAllText(Path.Combine(Base, "preprocessor_config.json"), "{}");
        Quantizer.Quantize(Base, Output, new(), _backend);
        Assert.True(File.Exists(Path.Combine(Output, "preprocessor_config.json")));
    }

    private const string Embedding = "model.embed_tokens.weight";

    private string Untied(Action<Dictionary<string, RawTensor>> change) => Variant.Of(
        Base,
        tensors =>
        {
            tensors["lm_head.weight"] = tensors[Embedding];
            change(tensors);
        },
        json => json["tie_word_embeddings"] = false);

    private static void WriteTokenizer(string folder, string template)
    {
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(Fixtures.SmallTokenizer, Tokenizer.FileName), Path.Combine(folder, Tokenizer.FileName), overwrite: true);
        File.WriteAllText(
            Path.Combine(folder, "tokenizer_config.json"),
            $$"""{"bos_token": "<bos>", "eos_token": "<eos>", "chat_template": "{{template}}"}""");
    }

    private static void Refused(string words, Action action) =>
        Assert.Contains(words, Assert.Throws<LapidaryException>(action).Message, StringComparison.Ordinal);

    private static void Change(string path, byte[] end)
    {
        using var file = File.OpenWrite(path);
        file.Seek(-end.Length, SeekOrigin.End);
        file.Write(end);
    }

    private static void Copy(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(source)) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
    }

    private string At(string name) => Path.Combine(_root, name);

    /// <summary>Every file and folder, with what is in it.</summary>
    private string[] State() =>
    [
        .. Directory.EnumerateFileSystemEntries(_root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => File.Exists(path) ? path + " " + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))) : path),
    ];
}

/// <summary>Told of progress at once, on the thread that makes it.</summary>
internal sealed class Told(Action<long, long> report) : IProgress<WorkProgress>
{
    public void Report(WorkProgress value) => report(value.Done, value.Total);
}
