using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Tests;
using ZstdSharp;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Good files of text, to be broken.</summary>
internal static class GoodFiles
{
    public const string Conversation =
        """{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "12 + 3?"}, """
        + """{"role": "assistant", "content": [{"type": "text", "text": "15 é"}], "weight": 1}], "tools": [{"name": "f", "n": 1.5}]}""";

    public const string RunYaml =
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

    public const string State =
        """
        {"global_step": 4, "max_steps": 12, "epoch": 0.5, "best_metric": 1.5, "best_model_checkpoint": "checkpoint-2",
         "log_history": [{"step": 2, "epoch": 0.2, "loss": 2.5, "grad_norm": 0.1, "learning_rate": 0.0002, "num_tokens": 100}]}
        """;

    /// <summary>As <see cref="Training.Checkpoints.RunState"/> writes it.</summary>
    public const string NewState =
        """
        {"version": 1, "global_step": 4, "rows_per_run": 2, "max_logits_bytes": 1048576,
         "pending": {"loss_sum": 2.5, "steps": 1, "hits": 3, "trained_tokens": 20},
         "identity": {"data": "d5f1", "packing": "bfd", "max_length": "64", "seed": "42",
          "base_weights": "a1b2", "learning_rate": "0.0002"}}
        """;

    /// <summary>As 0.1 wrote it: all in trainer_state.json.</summary>
    public const string OldState =
        """
        {"global_step": 4, "max_steps": 12, "epoch": 0.5, "num_tokens": 99, "fingerprint": "f00d", "rows_per_run": 2,
         "max_logits_bytes": 4096, "pending": {"loss_sum": 2.5, "steps": 1, "hits": 3, "trained_tokens": 20}, "log_history": []}
        """;

    /// <summary>Turns with calls, results and fields of their own, some of which are not trained, and variables for the template.</summary>
    public const string ToolConversation =
        """
        {"messages": [{"role": "user", "content": "weather?", "weight": 0}, {"role": "assistant", "content": null, "tool_calls":
         [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": {"city": "Köln", "n": [1, 2.5, true, null]}}}]},
         {"role": "tool", "name": "w", "tool_call_id": "c1", "content": "5 °C"},
         {"role": "assistant", "content": "cold", "reasoning_content": "it is 5", "weight": 1, "train": true}],
         "tools": [{"type": "function", "function": {"name": "w", "parameters": {"type": "object",
          "properties": {"city": {"type": "string"}}}}}],
         "chat_template_kwargs": {"enable_thinking": false, "style": {"a": [1, {"b": null}]}, "documents": []}}
        """;

    /// <summary>A template that looks at calls, tools and variables.</summary>
    public const string ToolTemplate =
        """
        {{ bos_token }}{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ '<' ~ m.role ~ '>' }}{% generation %}
        {%- if m.tool_calls is defined %}{% for c in m.tool_calls %}{{ c.function.name ~ (c.function.arguments | tojson) }}{% endfor %}
        {%- endif %}
        {%- if m.content is string %}{{ m.content | trim }}{% elif m.content %}{{ m.content | map(attribute='text') | join }}{% endif %}
        {%- if enable_thinking and m.reasoning_content %}{{ m.reasoning_content }}{% endif %}{% endgeneration %}
        {%- for k, v in (style or {}).items() %}{{ k ~ v }}{% endfor %}{% endfor %}
        """;

    public static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    public static byte[] Asset(string name) => File.ReadAllBytes(Path.Combine(Fixtures.SmallTokenizer, name));

    public static byte[][] Rows(string separator, string start, string end)
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

    public static byte[][] Templates()
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

    public static byte[][] CsvFiles(char separator) =>
    [
        .. new[]
        {
            "prompt,completion\n\"a \"\"b\"\", c\",d\nx,\"y\nz\"\n", "text\nhello\n", "text,n\r\na,1\r\n\"b\",\"2\"\r\n",
            "text\rold\rmac\r",
            "\uFEFFmessages\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"hi\"\"},"
                + "{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"é\"\"}]\"\n",
            "input_ids,labels\n\"[2, 3]\",\"[-100, 3]\"\n",
        }.Select(text => Text(text.Replace(',', separator))),
    ];

    public static byte[] Gzip(byte[] data)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(data);
        return packed.ToArray();
    }

    public static byte[] Zstd(byte[] data)
    {
        using var compressor = new Compressor();
        return compressor.Wrap(data).ToArray();
    }

    /// <summary>An index with all tensors of a file in two shards.</summary>
    public static byte[] Index(string file, string first, string second)
    {
        using var tensors = SafetensorsFile.Open(file);
        var map = tensors.Entries.Select((entry, i) => KeyValuePair.Create(entry.Name, (JsonNode?)(i % 2 == 0 ? first : second)));
        var metadata = new JsonObject { ["total_size"] = 1234 };
        return Text(new JsonObject { ["metadata"] = metadata, ["weight_map"] = new JsonObject(map) }.ToJsonString());
    }
}
