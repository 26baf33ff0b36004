using System.Globalization;
using System.Reflection;
using System.Text;
using Lapidary.Gemma;
using Lapidary.Hub;

namespace Lapidary.Training.Publishing;

/// <summary>The model card of a run: what was trained on what, how, and what came of it. Nothing in it tells of the machine or has a row of
/// the data, and the same run gives the same text.</summary>
/// <param name="Lora">What was trained.</param> <param name="Config">How.</param> <param name="State">Where it stands.</param>
internal sealed record RunCard(LoraConfig Lora, SftConfig Config, TrainerState State)
{
    /// <summary>Where it is pushed to, or null.</summary>
    public HubRepo? Repo { get; init; }

    /// <summary>Data sets as they were named; those that are no ids are not told.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>Whether the base was in NF4 while it was trained.</summary>
    public bool IsQuantized { get; init; } = true;

    private string? BaseId => ModelCard.IdOf(Lora.BaseModelNameOrPath);

    private string[] DatasetIds => [.. Datasets.Select(ModelCard.IdOf).OfType<string>().Distinct()];

    /// <summary>The file's text.</summary>
    public string ToText()
    {
        string name = Repo is { } repo ? repo.Id.Split('/')[^1] : BaseId is { } id ? $"{id.Split('/')[^1]}-adapter" : "gemma-adapter";
        return new ModelCard
        {
            BaseModel = BaseId,
            BaseModelRelation = "adapter",
            LibraryName = "peft",
            PipelineTag = "text-generation",
            License = "gemma",
            Tags = [.. BaseId is { } tagged ? [$"base_model:adapter:{tagged}"] : Array.Empty<string>(), "lora", "qlora", "sft", "lapidary"],
            Datasets = DatasetIds,
            ModelName = name,
            Results = DatasetIds is [var only] ? [.. Results(only)] : [],
            Body = Body(name),
        }.ToText();
    }

    private LogEntry? LastEvaluation => State.LogHistory.LastOrDefault(entry => entry.EvalLoss is not null);

    private IEnumerable<CardResult> Results(string dataset)
    {
        if (LastEvaluation is not { } entry) yield break;
        yield return new CardResult("loss", entry.EvalLoss!.Value, dataset);
        if (entry.EvalMeanTokenAccuracy is { } accuracy) yield return new CardResult("accuracy", accuracy, dataset);
    }

    private string Body(string name)
    {
        string[] datasets = DatasetIds;
        string model = BaseId is { } id ? $"[{id}](https://huggingface.co/{id})" : "a Gemma model";
        string data = datasets.Length == 0 ? "" : " on "
            + string.Join(", ", datasets.Select(set => $"[{set}](https://huggingface.co/datasets/{set})"));
        string method = IsQuantized
            ? "QLoRA: low-rank matrices over a base that is frozen in 4 bits (NF4)"
            : "LoRA: low-rank matrices over a frozen base";
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {name}

            A LoRA adapter for {model}, fine-tuned{data} with {method}{Saved()}.

            ## Use

            With PEFT:

            ```python
            from peft import AutoPeftModelForCausalLM
            from transformers import AutoTokenizer

            model = AutoPeftModelForCausalLM.from_pretrained("{Place}")
            tokenizer = AutoTokenizer.from_pretrained("{Place}")
            ```

            With Lapidary:

            ```csharp
            using var backend = new CpuBackend();
            using var model = GemmaModel.Load("{BaseId ?? "BASE_MODEL"}", backend);
            using var adapter = Adapter.Load(model, "{Place}");
            model.Attach(adapter);
            ```

            ## Training

            | setting | value |
            | --- | --- |

            """);
        foreach (var (key, value) in Settings()) text.Append(CultureInfo.InvariantCulture, $"| {key} | {value} |\n");
        AddResults(text);
        text.Append(CultureInfo.InvariantCulture, $"""

            Trained by Lapidary {Version}.

            ## Licence

            Gemma is provided under and subject to the [Gemma Terms of Use](https://ai.google.dev/gemma/terms), which hold for what is
            made from it as well.

            """);
        return text.ToString().ReplaceLineEndings("\n");
    }

    private string Place => Repo?.Id ?? "ADAPTER";

    private static string Version => typeof(RunCard).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private string Saved() => Lora.ModulesToSave is { Count: > 0 } saved ? $", and {string.Join(" and ", saved)} as a whole" : "";

    private IEnumerable<(string Key, string Value)> Settings()
    {
        static string Number(double value) => value.ToString("0.##########", CultureInfo.InvariantCulture);
        yield return ("lora_r", Number(Lora.R));
        yield return ("lora_alpha", Number(Lora.LoraAlpha));
        yield return ("lora_dropout", Number(Lora.LoraDropout));
        yield return ("target_modules", Lora.EffectiveTargets.Pattern is { } pattern
            ? $"`{pattern.Replace("|", @"\|", StringComparison.Ordinal)}`"
            : string.Join(", ", Lora.EffectiveTargets.Names));
        yield return ("learning_rate", Number(Config.LearningRate));
        yield return ("lr_scheduler_type", Name(Config.LrSchedulerType));
        if (Config.LrSchedulerType != LrSchedulerType.Constant)
        {
            yield return Config.WarmupSteps > 0
                ? ("warmup_steps", Number(Config.WarmupSteps)) : ("warmup_ratio", Number(Config.WarmupRatio));
        }

        if (Config.MaxSteps > 0) yield return ("max_steps", Number(Config.MaxSteps));
        else yield return ("num_train_epochs", Number(Config.NumTrainEpochs));
        if (Config.GlobalBatchSize is { } global)
        {
            yield return ("global_batch_size", Number(global));
        }
        else
        {
            yield return ("per_device_train_batch_size", Number(Config.PerDeviceTrainBatchSize));
            yield return ("gradient_accumulation_steps", Number(Config.GradientAccumulationSteps));
        }

        yield return ("max_length", Number(Config.MaxLength));
        yield return ("packing", Config.Packing ? $"yes ({Name(Config.PackingStrategy)})" : "no");
        yield return ("max_grad_norm", Number(Config.MaxGradNorm));
        yield return ("weight_decay", Number(Config.WeightDecay));
        yield return ("seed", Number(Config.Seed));
    }

    private static string Name(Enum value) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private void AddResults(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"""

            ## Results

            | | |
            | --- | --- |
            | optimizer steps | {State.GlobalStep} of {State.MaxSteps} |
            | passes over the data | {State.Epoch:0.##} |

            """);
        if (State.LogHistory.LastOrDefault(entry => entry.Loss is not null)?.Loss is { } loss)
            text.Append(CultureInfo.InvariantCulture, $"| last training loss | {loss:0.####} |\n");
        if (LastEvaluation is not { } evaluation) return;
        text.Append(CultureInfo.InvariantCulture, $"| evaluation loss | {evaluation.EvalLoss:0.####} |\n");
        if (evaluation.EvalMeanTokenAccuracy is { } accuracy)
            text.Append(CultureInfo.InvariantCulture, $"| evaluation token accuracy | {accuracy:0.####} |\n");
    }
}
