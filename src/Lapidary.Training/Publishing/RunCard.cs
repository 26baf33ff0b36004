using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Cards;
using Lapidary.Gemma.Lora;
using Lapidary.Hub;
using Lapidary.Training.Manifests;

namespace Lapidary.Training.Publishing;

/// <summary>The model card of a run: model, data, method and results. It contains no details of the machine and no row of the data. The
/// same run always gives the same text.</summary>
/// <param name="Lora">The trained adapter; null if all weights were trained.</param>
/// <param name="Config">Options of the run.</param>
/// <param name="State">The state of the run.</param>
internal sealed record RunCard(LoraConfig? Lora, SftConfig Config, TrainerState State)
{
    /// <summary>Number of rows in the table of losses.</summary>
    private const int MostSteps = 12;

    /// <summary>The repository that the run is pushed to, or null.</summary>
    public HubRepo? Repo { get; init; }

    /// <summary>The base, if the adapter does not name it.</summary>
    public string? Base { get; init; }

    /// <summary>config.json of the base; null if it is not here.</summary>
    public GemmaConfig? BaseConfig { get; init; }

    /// <summary>The class that config.json names.</summary>
    public string? Architecture { get; init; }

    /// <summary>Names of the data sets as given; names that are not ids are not shown.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>Rows in the training set; null if unknown.</summary>
    public int? TrainRows { get; init; }

    /// <summary>Rows in the evaluation set, or null.</summary>
    public int? EvaluationRows { get; init; }

    /// <summary>Whether the base was in NF4 during training.</summary>
    public bool IsQuantized { get; init; } = true;

    /// <summary>What the run leaves: an adapter or a model.</summary>
    public string Kind => Lora is null ? "model" : "adapter";

    private string? BaseId => ModelCard.IdOf(Lora is null ? Base : Lora.BaseModelNameOrPath);

    private CardLicence Licence => CardLicence.Of(BaseId, BaseConfig);

    private string[] DatasetIds => [.. Datasets.Select(ModelCard.IdOf).OfType<string>().Distinct()];

    /// <summary>The file's text.</summary>
    public string ToText()
    {
        bool isAdapter = Lora is not null;
        string kind = isAdapter ? "adapter" : "finetuned", relation = isAdapter ? "adapter" : "finetune";
        string name = Repo is { } repo ? repo.Id.Split('/')[^1] : BaseId is { } id ? $"{id.Split('/')[^1]}-{kind}" : $"gemma-{kind}";
        return new ModelCard
        {
            BaseModel = BaseId,
            BaseModelRelation = relation,
            LibraryName = isAdapter ? "peft" : "transformers",
            PipelineTag = "text-generation",
            License = Licence.Id,
            Tags =
            [
                .. BaseId is { } tagged ? [$"base_model:{relation}:{tagged}"] : Array.Empty<string>(),
                .. isAdapter ? ["lora", "qlora"] : Array.Empty<string>(), "sft", "lapidary",
            ],
            Datasets = DatasetIds,
            ModelName = name,
            Results = DatasetIds is [var only] ? [.. Results(only)] : [],
            Body = Body(name),
        }.ToText();
    }

    private IEnumerable<CardResult> Results(string dataset)
    {
        if (new RunSummary(State).Evaluation is not { } entry) yield break;
        yield return new CardResult("loss", entry.EvalLoss!.Value, dataset);
        if (entry.EvalMeanTokenAccuracy is { } accuracy) yield return new CardResult("accuracy", accuracy, dataset);
        if (entry is { EvalMetric: { } metric, EvalMetricValue: { } value }) yield return new CardResult(metric, value, dataset);
    }

    private string Body(string name)
    {
        string[] datasets = DatasetIds;
        string model = BaseId is { } id ? $"[{id}](https://huggingface.co/{id})" : Licence.Model;
        string data = datasets.Length == 0 ? "" : " on "
            + string.Join(", ", datasets.Select(set => $"[{set}](https://huggingface.co/datasets/{set})"));
        string method = IsQuantized
            ? "QLoRA: low-rank matrices over a base that is frozen in 4 bits (NF4)"
            : "LoRA: low-rank matrices over a frozen base";
        string what = Lora is null
            ? $"{char.ToUpperInvariant(model[0])}{model[1..]}, fine-tuned (all weights){data}."
            : $"A LoRA adapter for {model}, fine-tuned{data} with {method}{Saved(Lora)}.";
        string usage = Lora is null
            ? CardUsage.OfMerged(Architecture ?? "none").Replace("MODEL", Place, StringComparison.Ordinal).TrimEnd() + "\n"
            : CardUsage.Of(Lora, BaseId ?? "BASE_MODEL", Place);
        string format = Lora is null ? "transformers" : $"PEFT {AdapterConfigFile.PeftVersion}";
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {name}

            {what}

            {usage}
            ## Training

            {DataText(datasets)}

            | setting | value |
            | --- | --- |

            """);
        foreach (var (key, value) in CardSettings.Of(Lora, Config)) text.Append(CultureInfo.InvariantCulture, $"| {key} | {value} |\n");
        AddResults(text);
        text.Append(CultureInfo.InvariantCulture, $"""

            Trained by Lapidary {ProgramVersion.Text}; files in the format of {format}.

            {Licence.Section}
            """);
        return text.ToString().ReplaceLineEndings("\n");
    }

    private string Place => Repo?.Id ?? (Path.GetFileName(Path.TrimEndingDirectorySeparator(Config.OutputDir)) is { Length: > 0 } folder
        && CardText.IsPlain(folder) ? folder : Lora is null ? "MODEL" : "ADAPTER");

    /// <summary>The data sets and their size; local files are not named.</summary>
    private string DataText(string[] ids)
    {
        int local = Datasets.Count(name => ModelCard.IdOf(name) is null);
        string[] names = [.. ids, .. local switch { 0 => Array.Empty<string>(), 1 => ["local data"], _ => [$"{local} local data sets"] }];
        string of = names.Length == 0 ? "Data" : $"Data: {string.Join(", ", names)}";
        if (TrainRows is not { } rows) return names.Length == 0 ? "" : of + ".";
        string evaluated = EvaluationRows is { } others ? $", {others:N0} to evaluate on" : "";
        return $"{of}{(names.Length == 0 ? ":" : ";")} {Amount.Grouped(rows, "row")} to train on{evaluated}.";
    }

    private static string Saved(LoraConfig lora) =>
        lora.ModulesToSave is { Count: > 0 } saved ? $", and {string.Join(" and ", saved)} as a whole" : "";

    private void AddResults(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"""

            ## Results

            | | |
            | --- | --- |
            | optimizer steps | {State.GlobalStep} of {State.MaxSteps} |
            | passes over the data | {State.Epoch:0.##} |

            """);
        var summary = new RunSummary(State);
        if (summary.LastLoss is { } loss) text.Append(CultureInfo.InvariantCulture, $"| last training loss | {loss:0.####} |\n");
        if (summary.MeanLoss is { } mean) text.Append(CultureInfo.InvariantCulture, $"| mean training loss | {mean:0.####} |\n");
        if (summary.Evaluation is { } evaluation)
        {
            if (summary.BestStep is { } best)
                text.Append(CultureInfo.InvariantCulture, $"| weights of | step {best}, the best evaluation |\n");
            text.Append(CultureInfo.InvariantCulture, $"| evaluation loss | {evaluation.EvalLoss:0.####} |\n");
            if (evaluation.EvalMeanTokenAccuracy is { } accuracy)
                text.Append(CultureInfo.InvariantCulture, $"| evaluation token accuracy | {accuracy:0.####} |\n");
            if (summary.Before is { } before)
                text.Append(CultureInfo.InvariantCulture, $"| {evaluation.EvalMetric} before training | {before:0.####} |\n");
            if (evaluation.EvalMetricValue is { } after)
                text.Append(CultureInfo.InvariantCulture, $"| {evaluation.EvalMetric} | {after:0.####} |\n");
        }

        var course = summary.Course(MostSteps);
        if (course.Count < 2) return;
        string? metric = summary.Evaluation?.EvalMetric;
        text.Append("\nLosses are nats per trained token:\n\n| step | epoch | loss | evaluation loss |")
            .Append(metric is null ? "\n" : $" {metric} |\n")
            .Append("| --: | --: | --: | --: |").Append(metric is null ? "\n" : " --: |\n");
        foreach (var (step, epoch, stepLoss, evalLoss, value) in course)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {step} | {epoch:0.##} | {stepLoss:0.####} | {evalLoss:0.####} |");
            text.Append(metric is null ? "\n" : string.Create(CultureInfo.InvariantCulture, $" {value:0.####} |\n"));
        }
    }
}
