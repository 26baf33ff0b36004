using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Generation;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Optimizers;
using static Lapidary.Robustness.Tests.Fuzzing.GoodFiles;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Every reader of a file that people bring, with good files to break.</summary>
internal static class FuzzTargets
{
    private static readonly CpuBackend Backend = new(threads: 1);

    private static readonly Lazy<GemmaModel> Model = new(() => GemmaModel.Load(Fixtures.Path("tiny/model"), Backend));

    private static readonly Lazy<AdamWOptimizer> Optimizer = new(() => new AdamWOptimizer(
        Adapter.Load(GemmaModel.Load(Fixtures.Path("tiny/model"), Backend), Fixtures.Path("tiny/adapter"), trainable: true).Blocks,
        new(), maxGradNorm: 1, Backend, SilentCommunicator.Solo));

    private static readonly Lazy<Tokenizer> SmallTokenizer = new(() => Tokenizer.Load(Fixtures.SmallTokenizer));

    private static readonly Lazy<GemmaTextEncoder> Encoder = new(() =>
        new GemmaTextEncoder(SmallTokenizer.Value, ChatTemplate.Load(Fixtures.SmallTokenizer)));

    public static IReadOnlyDictionary<string, FuzzTarget> All { get; } = new Dictionary<string, FuzzTarget>
    {
        ["safetensors"] = Binary("tiny/adapter", "adapter_model.safetensors", folder => ReadTensors(folder, "adapter_model.safetensors")),
        ["weights"] = Binary("tiny/model", "model.safetensors", LoadModel),
        ["4-bit weights"] = Binary("tiny/prequantized", "model.safetensors", LoadModel),
        ["config"] = Json("tiny/model", "config.json", LoadModel),
        ["4-bit config"] = Json("tiny/prequantized", "config.json", LoadModel),
        ["generation config"] = Json("tiny/multimodal", "generation_config.json", folder =>
            GenerationConfig.Load(folder, GemmaConfig.Load(folder))),
        ["adapter weights"] = Binary("tiny/adapter", "adapter_model.safetensors", LoadAdapter),
        ["adapter config"] = Json("tiny/adapter", "adapter_config.json", LoadAdapter),
        ["tokenizer"] = new("tokenizer.json", [Asset("tokenizer.json")], LoadTokenizer, Fixtures.SmallTokenizer),
        ["tokenizer config"] = new("tokenizer_config.json", [Asset("tokenizer_config.json")], LoadTokenizer, Fixtures.SmallTokenizer),
        ["template"] = new("chat_template.jinja", Templates(), RenderTemplate),
        ["jsonl"] = new("rows.jsonl", Rows("\n", "", ""), folder => LoadRows(folder, "rows.jsonl")),
        ["json"] = new("rows.json", Rows(",\n", "[", "]"), folder => LoadRows(folder, "rows.json")),
        ["csv"] = new("rows.csv", CsvFiles(','), folder => LoadRows(folder, "rows.csv")),
        ["tsv"] = new("rows.tsv", CsvFiles('\t'), folder => LoadRows(folder, "rows.tsv")),
        ["gzip"] = new("rows.jsonl.gz", [.. Rows("\n", "", "").Select(Gzip)], folder => LoadRows(folder, "rows.jsonl.gz")),
        ["zstd"] = new("rows.jsonl.zst", [.. Rows("\n", "", "").Select(Zstd)], folder => LoadRows(folder, "rows.jsonl.zst")),
        ["parquet"] = new("rows.parquet", ParquetFiles.All(), folder => LoadRows(folder, "rows.parquet")),
        ["prompt template"] = new(
            "template.json",
            [Text("""{"system": "s", "user": "ask {question} of {table}", "assistant": "{answer}"}""")],
            folder => RowTemplate.Load(Path.Combine(folder, "template.json"))),
        ["run file"] = new("run.yaml", [Text(RunYaml)], folder => RunFile.Read(Path.Combine(folder, "run.yaml"), TrainCommand.AllSettings)),
        ["messages"] = new("messages.json", [Text(Conversation)], folder => ReadMessages(folder)),
        ["trainer state"] = new(TrainerState.FileName, [Text(State)], folder => TrainerState.Read(folder)),
        ["run state"] = new(RunState.FileName, [Text(NewState)], folder => RunState.Read(folder)),
        ["old run state"] = new(TrainerState.FileName, [Text(OldState)], folder => ResumedRun.Read(folder)),
        ["optimizer"] = new(OptimizerFile.FileName, [Moments()], folder => OptimizerFile.Read(folder, Optimizer.Value, Backend)),
        ["index"] = Sharded(),
        ["chat"] = new("messages.json", [Text(ToolConversation), Text(Conversation)], RenderMessages),
        ["tool template"] = new("chat_template.jinja", [Text(ToolTemplate)], RenderMessages, ToolMessages()),
        ["row template"] = new(
            "template.json",
            [Text("""{"system": "{{{a}}}", "user": "{b}: {c}", "assistant": "{d}"}""")],
            folder => Prepare(folder, "rows.jsonl", RowTemplate.Load(Path.Combine(folder, "template.json"))), OneRow()),
        ["kept tokens"] = KeptTokens(),
        ["examples"] = new("rows.jsonl", [.. Rows("\n", "", ""), Text(ToolConversation.ReplaceLineEndings(""))],
            folder => Prepare(folder, "rows.jsonl", template: null)),
    };

    /// <summary>Tokens that an earlier run kept. What is damaged is never used, so most cases end at the hash.</summary>
    private static FuzzTarget KeptTokens()
    {
        const string Key = "key";
        var stream = new MemoryStream();
        int[] ids = [2, 10, 11, 12, 1];
        var set = ExampleSet.Of([new(ids, ids), new(ids, [-100, -100, 11, 12, 1]), new(ids, [-100, 9, 11, 12, 1])]);
        ExampleFile.Write(stream, Key, set, set.Count, new TokensRow(ids, null));
        return new("rows.tokens", [stream.ToArray()], folder =>
        {
            using var file = File.OpenRead(Path.Combine(folder, "rows.tokens"));
            if (ExampleFile.TryRead(file, Key, int.MaxValue, memoryBytes: 0) is not var (read, _)) return;
            for (int i = 0; i < read.Count; i++) read.Read(i);
        });
    }

    private static FuzzTarget Binary(string around, string name, Action<string> read) =>
        new(name, [File.ReadAllBytes(Fixtures.Path($"{around}/{name}"))], read, Fixtures.Path(around));

    private static FuzzTarget Json(string around, string name, Action<string> read) => Binary(around, name, read);

    private static void ReadTensors(string folder, string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, name));
        foreach (var entry in file.Entries) file.CopyTo(entry.Name, Stream.Null);
    }

    private static void LoadModel(string folder)
    {
        using var model = GemmaModel.Load(folder, Backend);
    }

    private static void LoadAdapter(string folder)
    {
        using var adapter = Adapter.Load(Model.Value, folder);
    }

    private static void LoadTokenizer(string folder)
    {
        var tokenizer = Tokenizer.Load(folder);
        tokenizer.Decode(tokenizer.Encode("SELECT a FROM b; é\n\n  12", addSpecialTokens: true), skipSpecialTokens: false);
        ChatTurn[] turns = [new("user", "hi"), new("assistant", "ho")];
        ChatTemplate.Load(folder).Encode(tokenizer, turns, addGenerationPrompt: true);
    }

    private static void RenderTemplate(string folder)
    {
        string text = File.ReadAllText(Path.Combine(folder, "chat_template.jinja"));
        ChatTemplate.Parse(text, new Dictionary<string, string> { ["bos_token"] = "<bos>", ["eos_token"] = "<eos>" })
            .Render([new ChatTurn("user", "one two three"), new ChatTurn("assistant", "ho")], addGenerationPrompt: true);
    }

    private static void LoadRows(string folder, string name) => DataSet.Load(Path.Combine(folder, name));

    private static byte[] Moments()
    {
        string folder = Fixtures.TemporaryFolder();
        OptimizerFile.Write(folder, Optimizer.Value, Backend);
        byte[] bytes = File.ReadAllBytes(Path.Combine(folder, OptimizerFile.FileName));
        Directory.Delete(folder, recursive: true);
        return bytes;
    }

    /// <summary>The tiny model as two shards, which hold all tensors both: what is broken is the index.</summary>
    private static FuzzTarget Sharded()
    {
        string folder = Folder(("config.json", File.ReadAllBytes(Fixtures.Path("tiny/model/config.json"))));
        string weights = Fixtures.Path("tiny/model/model.safetensors");
        const string First = "a.safetensors", Second = "b.safetensors";
        foreach (string shard in (string[])[First, Second]) File.CreateSymbolicLink(Path.Combine(folder, shard), weights);
        return new("model.safetensors.index.json", [Index(weights, First, Second)], LoadModel, folder);
    }

    private static string ToolMessages() => Folder(("messages.json", Text(ToolConversation)));

    private static string OneRow() => Folder(("rows.jsonl", Text("""{"a": "x", "b": 1.5, "c": true, "d": "y"}""")));

    private static string Folder((string Name, byte[] Bytes) file)
    {
        string folder = Fixtures.TemporaryFolder();
        File.WriteAllBytes(Path.Combine(folder, file.Name), file.Bytes);
        return folder;
    }

    private static MessagesRow ReadMessages(string folder) => MessagesFile.Read(Path.Combine(folder, "messages.json"), TextReader.Null);

    private static void RenderMessages(string folder)
    {
        var row = ReadMessages(folder);
        string file = Path.Combine(folder, "chat_template.jinja");
        string text = File.Exists(file) ? File.ReadAllText(file) : ToolTemplate;
        var template = ChatTemplate.Parse(text, new Dictionary<string, string> { ["bos_token"] = "<bos>", ["eos_token"] = "<eos>" });
        var tokenizer = SmallTokenizer.Value;
        template.Encode(tokenizer, row.Messages, addGenerationPrompt: true, row.TemplateVariables);
        template.EncodeWithTrainedMask(tokenizer, row.Messages, assistantOnly: true, row.TemplateVariables);
    }

    private static void Prepare(string folder, string name, RowTemplate? template)
    {
        var data = DataSet.Load(Path.Combine(folder, name), new DataSetOptions { Template = template });
        var config = new SftConfig { MaxLength = 64, AssistantOnlyLoss = template is not null };
        PreparedDataSet.Create(data, Encoder.Value, Model.Value.Config, config);
    }
}
