using Lapidary.Hub.Cards;

namespace Lapidary.Hub;

/// <summary>README.md of a model's repository: front matter for the Hub, and text for people.</summary>
public sealed record ModelCard
{
    /// <summary>The file's name in a repository.</summary>
    public const string FileName = "README.md";

    /// <summary>The base model as an id of the Hub. A local folder, or an id without an owner, is left out of the card.</summary>
    public string? BaseModel { get; init; }

    /// <summary>How the model was made: adapter, finetune, merge or quantized; left out without a base.</summary>
    public string? BaseModelRelation { get; init; }

    /// <summary>The library that loads it: peft or transformers.</summary>
    public string? LibraryName { get; init; }

    /// <summary>The task: text-generation.</summary>
    public string? PipelineTag { get; init; }

    /// <summary>The licence, as an id of the Hub's list.</summary>
    public string? License { get; init; }

    /// <summary>Tags for search.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Training data sets by their ids; others are left out, as for <see cref="BaseModel"/>.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>The model name of the <see cref="Results"/>; without it, they are left out.</summary>
    public string? ModelName { get; init; }

    /// <summary>Measured results; results on data sets without an id are left out.</summary>
    public IReadOnlyList<CardResult> Results { get; init; } = [];

    /// <summary>The text, in Markdown.</summary>
    public string Body { get; init; } = "";

    /// <summary>The id in a text, without split or revision; null if the text is not an id with an owner, or names a local file or
    /// folder.</summary>
    public static string? IdOf(string? text)
    {
        if (text is null || Path.Exists(text)) return null;
        string id = text.Split(':', '@', '[')[0];
        return id.Contains('/') && HubRepo.IsId(id) && !Path.Exists(id) ? id : null;
    }

    /// <summary>The file's text.</summary>
    public string ToText() => $"---\n{CardYaml.Of(this)}---\n\n{Body.Trim()}\n";
}

/// <summary>A result of a model's evaluation.</summary>
/// <param name="Metric">The metric's name in the Hub's list, or another name: loss, accuracy.</param>
/// <param name="Value">Its value; a value that is not finite is left out.</param>
/// <param name="Dataset">The id of the data set.</param>
/// <param name="Split">Its split, or null.</param>
public sealed record CardResult(string Metric, double Value, string Dataset, string? Split = null);
