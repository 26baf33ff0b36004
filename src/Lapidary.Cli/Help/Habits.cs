namespace Lapidary.Cli.Help;

/// <summary>What people type who come from another tool, and what it is here. Nothing in this table is accepted; an error names the option
/// or command instead.</summary>
internal static class Habits
{
    // A typed option: the options that may be meant, in the order of their probability. A command shows those it has.
    private static readonly (string Typed, string[] Meant)[] Options =
    [
        ("rank lora-rank lora-dim lora-r-value", ["lora-r"]),
        ("scaling lora-scaling", ["lora-alpha"]),
        ("lora lora-path lora-weights peft peft-model peft-model-id lora-adapter", ["adapter", "lora-r"]),
        ("base-model base base-model-id base-model-name base-model-name-or-path pretrained ckpt checkpoint-path", ["model"]),
        ("data train-data train-file train-dataset data-path data-files data-dir train-path input-file", ["dataset", "file"]),
        ("input question query instruction message user", ["prompt", "messages"]),
        ("text", ["prompt"]),
        ("system-prompt system-message", ["system"]),
        ("out output out-dir output-dir output-path output-file output-folder save-dir save-path dest destination",
            ["output-dir", "output", "local-dir"]),
        ("cpu no-cuda force-cpu use-cpu", ["device cpu"]),
        ("gpu cuda use-gpu use-cuda", ["device cuda"]),
        ("gpus num-gpus n-gpu nproc nproc-per-node multi-gpu", ["device cuda:all"]),
        ("jobs workers num-workers num-proc dataset-num-proc num-threads", ["threads"]),
        ("dry-run check show-data inspect", ["preview"]),
        ("steps iters iterations num-steps num-iters", ["max-steps"]),
        ("bs batch micro-batch-size train-batch-size", ["per-device-train-batch-size", "batch"]),
        ("grad-accum grad-accumulation accumulation accumulation-steps ga", ["gradient-accumulation-steps"]),
        ("ctx context context-length seq-len seq-length sequence-length sequence-len cutoff-len block-size max-seq-len max-tokens",
            ["max-new-tokens", "max-length"]),
        ("max-length n-predict num-tokens max-output-tokens length", ["max-new-tokens", "max-length"]),
        ("max-model-len ctx-size max-context-length", ["max-length"]),
        ("max-num-seqs parallel max-concurrency max-concurrent-requests", ["max-batch"]),
        ("api-key key-file", ["api-key-file"]),
        ("lora-modules", ["adapter"]),
        ("sample sampling", ["do-sample"]),
        ("greedy", ["do-sample false"]),
        ("temp", ["temperature"]),
        ("4bit use-4bit load-4bit qlora bits quant quantize", ["quantization nf4"]),
        ("8bit use-8bit load-8bit", ["quantization nf4"]),
        ("16bit no-quant full-precision", ["quantization none"]),
        ("schedule scheduler lr-schedule", ["lr-scheduler-type"]),
        ("grad-clip clip clip-grad max-norm gradient-clipping", ["max-grad-norm"]),
        ("eval-data eval-file val-data val-file val-dataset validation-data validation-file test-data", ["eval-dataset"]),
        ("val-size val-set-size eval-size validation-size validation-split split", ["test-size"]),
        ("limit subset num-samples max-samples max-train-samples num-rows", ["select"]),
        ("repo repo-id hub-id hub-repo", ["hub-model-id"]),
        ("chat-template", ["tokenizer"]),
        ("wandb tensorboard logger log-with", ["report-to"]),
        ("force", ["overwrite-output-dir", "overwrite"]),
        ("resume-from continue", ["resume"]),
        ("allow-patterns files", ["include"]),
        ("ignore-patterns", ["exclude"]),
        ("message commit-msg", ["commit-message"]),
    ];

    // A typed command, and the command line that does it; "…" stands for what else was typed.
    private static readonly (string Typed, string Meant)[] Commands =
    [
        ("finetune fine-tune fine_tune tune sft fit qlora lora", "train …"),
        ("inspect preview", "train … --preview"),
        ("dry-run estimate memory", "plan …"),
        ("resume continue", "train --config RUN/run.yaml --resume"),
        ("inference infer predict complete ask answer run", "generate …"),
        ("server api api-server api_server openai listen host", "serve …"),
        ("evaluate evaluation test validate", "eval …"),
        ("perplexity", "score …"),
        ("talk conversation repl interactive", "chat …"),
        ("fuse merge-lora merge_lora convert", "merge …"),
        ("gguf ollama llama.cpp to-gguf convert-hf-to-gguf", "export gguf …"),
        ("encode tokenizer", "tokenize …"),
        ("quant", "quantize …"),
        ("benchmark", "bench …"),
        ("get fetch", "download …"),
        ("ls list history experiments", "runs"),
        ("rm remove delete", "cache rm …"),
        ("prune clean", "cache prune"),
        ("env info check system diagnose diagnostics", "doctor"),
        ("auth", "login"),
        ("init quickstart start example", "demo"),
        ("completion", "completions …"),
    ];

    private static readonly Dictionary<string, string[]> MeantBy = Options
        .SelectMany(row => row.Typed.Split(' ').Select(typed => (typed, row.Meant)))
        .GroupBy(pair => pair.typed, pair => pair.Meant, StringComparer.OrdinalIgnoreCase)
        .ToDictionary(group => group.Key, group => group.SelectMany(meant => meant).ToArray(), StringComparer.OrdinalIgnoreCase);

    /// <summary>The options that a typed name may mean, without dashes, some with a value.</summary>
    public static IReadOnlyList<string> Of(string name) => MeantBy.GetValueOrDefault(name, []);

    /// <summary>The words of the command line that a typed command may mean; null if it is in no habit.</summary>
    /// <param name="command">As typed.</param>
    /// <param name="rest">The words typed after it.</param>
    public static IReadOnlyList<string>? OfCommand(string command, IReadOnlyList<string> rest)
    {
        string name = command.ToLowerInvariant();
        string? meant = Array.Find(Commands, row => row.Typed.Split(' ').Contains(name)).Meant;
        return meant is null ? null : [.. meant.Split(' ').SelectMany(word => word == "…" ? rest : [word])];
    }
}
