using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Every reader of a file that people bring, with good files to break.</summary>
internal static class FuzzTargets
{
    private const string Conversation =
        """{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "12 + 3?"}, """
        + """{"role": "assistant", "content": [{"type": "text", "text": "15 é"}], "weight": 1}], "tools": [{"name": "f", "n": 1.5}]}""";

    private static readonly CpuBackend Backend = new(threads: 1);

    private static readonly Lazy<GemmaModel> Model = new(() => GemmaModel.Load(Fixtures.Path("tiny/model"), Backend));

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
        ["csv"] = new("rows.csv", [Text("prompt,completion\n\"a \"\"b\"\", c\",d\nx,\"y\nz\"\n"), Text("text\nhello\n")],
            folder => LoadRows(folder, "rows.csv")),
        ["parquet"] = new("rows.parquet", ParquetFiles.All(), folder => LoadRows(folder, "rows.parquet")),
        ["prompt template"] = new(
            "template.json",
            [Text("""{"system": "s", "user": "ask {question} of {table}", "assistant": "{answer}"}""")],
            folder => RowTemplate.Load(Path.Combine(folder, "template.json"))),
        ["run file"] = new("run.yaml", [Text(RunYaml)], folder => RunFile.Read(Path.Combine(folder, "run.yaml"), TrainCommand.AllSettings)),
        ["messages"] = new("messages.json", [Text(Conversation)], folder => MessagesFile.Read(Path.Combine(folder, "messages.json"))),
        ["trainer state"] = new(TrainerState.FileName, [Text(State)], folder => TrainerState.Read(folder)),
    };

    private const string RunYaml =
        """
        # a run
        model: gemma
        dataset: rows.jsonl
        learning_rate: 2e-4
        num_train_epochs: 3
        lora_r: 16
        target_modules: [q_proj, v_proj]
        packing: true
        dataset_kwargs:
          add_special_tokens: false
        bf16: true
        """;

    private const string State =
        """
        {"global_step": 4, "max_steps": 12, "epoch": 0.5, "best_metric": 1.5, "best_model_checkpoint": "checkpoint-2",
         "log_history": [{"step": 2, "epoch": 0.2, "loss": 2.5, "grad_norm": 0.1, "learning_rate": 0.0002, "num_tokens": 100}]}
        """;

    private static FuzzTarget Binary(string around, string name, Action<string> read) =>
        new(name, [File.ReadAllBytes(Fixtures.Path($"{around}/{name}"))], read, Fixtures.Path(around));

    private static FuzzTarget Json(string around, string name, Action<string> read) => Binary(around, name, read);

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Asset(string name) => File.ReadAllBytes(Path.Combine(Fixtures.SmallTokenizer, name));

    private static byte[][] Rows(string separator, string start, string end)
    {
        string[] kinds =
        [
            Conversation,
            """{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}""",
            """{"prompt": "2 + 2 =", "completion": " 4", "n": 1e5}""",
            """{"prompt": [{"role": "user", "content": "hi"}], "completion": [{"role": "assistant", "content": "ho"}]}""",
            """{"text": "once upon a time"}""",
            """{"input_ids": [2, 10, 11, 12], "completion_mask": [0, 0, 1, 1], "attention_mask": [1, 1, 1, 1]}""",
        ];
        return [.. kinds.Select(row => Text(start + string.Join(separator, row, row, row) + end))];
    }

    private static byte[][] Templates()
    {
        string config = Encoding.UTF8.GetString(Asset("tokenizer_config.json"));
        string template = System.Text.Json.JsonDocument.Parse(config).RootElement.GetProperty("chat_template").GetString()!;
        return
        [
            Text(template),
            Text("{% macro f(x, y=2) %}{{ x * y }}{% endmacro %}{% set ns = namespace(n=0) %}{% for m in messages if m.content is string %}"
                + "{% set ns.n = ns.n + loop.index %}{{ f(m.content | trim | upper, 3) ~ '\\n' }}{% else %}none{% endfor %}{{ ns.n }}"),
            Text("{%- if messages[0]['role'] == 'system' -%}{{ messages[1:] | tojson(indent=2) }}{%- endif -%}"
                + "{{ messages | map(attribute='role') | join(', ') }}{{ range(9) | list | sum if true else 'x' }}"
                + "{{ '%s' | format(1.5) }}"),
            Text("{% for m in messages %}{% generation %}{{ m.content.split(' ')[0].replace('a', 'b') }}{% endgeneration %}{% endfor %}"
                + "{{ {'a': [1, 2.5, none]}.items() | list }}{{ raise_exception('no') if messages | length > 5 }}{{ 7 // 2 ** 3 % 5 }}"),
        ];
    }

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
        ChatTurn[] chat = [new ChatTurn("user", "hi"), new ChatTurn("assistant", "ho")];
        ChatTemplate.Load(folder).Encode(tokenizer, chat, addGenerationPrompt: true);
    }

    private static void RenderTemplate(string folder)
    {
        string text = File.ReadAllText(Path.Combine(folder, "chat_template.jinja"));
        ChatTemplate.Parse(text, new Dictionary<string, string> { ["bos_token"] = "<bos>", ["eos_token"] = "<eos>" })
            .Render([new ChatTurn("user", "one two three"), new ChatTurn("assistant", "ho")], addGenerationPrompt: true);
    }

    private static void LoadRows(string folder, string name) => DataSet.Load(Path.Combine(folder, name));
}
