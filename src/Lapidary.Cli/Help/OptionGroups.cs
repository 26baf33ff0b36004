namespace Lapidary.Cli.Help;

/// <summary>The section and position of an option in the help, and whether the short help describes it. One table for all commands;
/// "command.option" takes precedence over "option". Options without an entry follow under "Options".</summary>
internal static class OptionGroups
{
    private const string Others = "Options", Last = "General";

    // "*" marks options in the short help.
    private static readonly (string Title, string Names)[] Table =
    [
        ("Rows", "rows* eval-rows* synth.split* domains exclude-domains complexity list-domains row* check-sql"),
        ("Plan", "for* plan.size* plan.memory* gpu* plan.max-batch* adapter-count* world-size gpus-per-node link step-ms"),
        ("Input", "prompt* messages* chat* input-ids predictions* text file"),
        ("Rows of the answer", "ask.format* max-rows* timeout*"),
        ("Model", "model* tokenizer* adapter* train.adapter plan.adapter quantization* double-quant dtype"),
        ("Server", "host* port* serve.database* api-key-file* allow-no-key max-batch* serve.max-length* max-waiting max-body-bytes"),
        ("Data",
            "dataset* inspect.eval-dataset* template* max-length* packing* select prepare.select* prepare.test-size* drop-duplicates "
            + "no-leaks keep-columns dataset-split dataset-config dataset-format filter mix mix-stopping messages-column text-column "
            + "prompt-column completion-column question-column context-column sql-column dataset-cache packing-strategy "
            + "completion-only-loss assistant-only-loss add-special-tokens append-concat-token add-generation-prompt shuffle"),
        ("Output",
            "output-dir* output* type* modelfile* failures* format generate.resume eval.resume save-strategy save-steps save-total-limit "
            + "logging-steps report-to max-shard-size overwrite-output-dir overwrite"),
        ("Measurement",
            "bench.size batch length accumulation train-embeddings bench.gradient-checkpointing bench.lora-dropout bench.lora-r "
            + "bench.max-new-tokens texts bench.temperature bench.top-k bench.top-p bench.steps warmup"),
        ("Training",
            "method* num-train-epochs* learning-rate* per-device-train-batch-size* gradient-accumulation-steps* gradient-checkpointing "
            + "max-steps global-batch-size lr-scheduler-type warmup-ratio warmup-steps max-grad-norm weight-decay adam-beta1 adam-beta2 "
            + "adam-epsilon steps seed"),
        ("LoRA", "lora-r* lora-alpha* modules-to-save* target-modules lora-dropout use-rslora ensure-weight-tying"),
        ("Evaluation",
            "test-size* with-base* hold-names metric fail-under eval-dataset eval-strategy eval-steps per-device-eval-batch-size "
            + "eval-metric eval-metric-rows eval-max-new-tokens eval-on-start load-best-model-at-end"),
        ("Generation",
            "max-new-tokens* do-sample* temperature* stop* json-schema* batch-size* top-k top-p min-p repetition-penalty generate.seed "
            + "eval.seed stop-token-ids ignore-eos show-rows*"),
        ("Device", "device* threads ddp-timeout"),
        ("Hub",
            "push-to-hub* hub-model-id hub-strategy hub-private-repo repo-type revision include exclude local-dir force private "
            + "commit-message token"),
        (Others, ""),
        (Last, "config* resume* yes preview json help-all* help"),
    ];

    private static readonly Dictionary<string, Place> Places = Read();

    /// <summary>The place of an option of a command.</summary>
    /// <param name="command">Its name: "train".</param>
    /// <param name="option">Without dashes: "learning-rate".</param>
    public static Place Of(string command, string option)
    {
        if (Places.TryGetValue($"{command}.{option}", out var own)) return own;
        return Places.TryGetValue(option, out var place) ? place : new(Others, OrderOf(Others), IsMain: false);
    }

    /// <summary>Whether the table has an option.</summary>
    public static bool Has(string command, string option) => Places.ContainsKey($"{command}.{option}") || Places.ContainsKey(option);

    private static int OrderOf(string title) => 1000 * Array.FindIndex(Table, group => group.Title == title);

    private static Dictionary<string, Place> Read()
    {
        var places = new Dictionary<string, Place>(StringComparer.Ordinal);
        foreach (var (title, names) in Table)
        {
            int order = OrderOf(title);
            foreach (string name in names.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                places.Add(name.TrimEnd('*'), new(title, order++, name.EndsWith('*')));
        }

        return places;
    }

    /// <summary>The place of an option.</summary>
    /// <param name="Title">Title of its section.</param>
    /// <param name="Order">Position among all options.</param>
    /// <param name="IsMain">Whether the short help describes it.</param>
    internal readonly record struct Place(string Title, int Order, bool IsMain);
}
