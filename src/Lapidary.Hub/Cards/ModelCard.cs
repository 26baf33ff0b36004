using Lapidary.Hub.Cards;

namespace Lapidary.Hub;

/// <summary>README.md of a model's repository: front matter that the Hub reads, and words for people.</summary>
public sealed record ModelCard
{
    /// <summary>The file's name in a repository.</summary>
    public const string FileName = "README.md";

    /// <summary>The model that this one was made from, as its id of the Hub. What is a folder of this machine, or no id with an owner, is
    /// left out of the card.</summary>
    public string? BaseModel { get; init; }

    /// <summary>How it was made: adapter, finetune, merge or quantized; left out where there is no base.</summary>
    public string? BaseModelRelation { get; init; }

    /// <summary>What loads it: peft or transformers.</summary>
    public string? LibraryName { get; init; }

    /// <summary>What it does: text-generation.</summary>
    public string? PipelineTag { get; init; }

    /// <summary>The licence, by the Hub's list.</summary>
    public string? License { get; init; }

    /// <summary>Words to find it by.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Data sets that it was trained on, by their ids; others are left out, as <see cref="BaseModel"/> is.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>The name that <see cref="Results"/> are of; they are left out without one.</summary>
    public string? ModelName { get; init; }

    /// <summary>What was measured; results on data sets that have no id are left out.</summary>
    public IReadOnlyList<CardResult> Results { get; init; } = [];

    /// <summary>The words, in Markdown.</summary>
    public string Body { get; init; } = "";

    /// <summary>The id that a text is, without a split or revision behind it; null where it is none with an owner, or a folder or file of
    /// this machine.</summary>
    public static string? IdOf(string? text)
    {
        if (text is null || Path.Exists(text)) return null;
        string id = text.Split(':', '@', '[')[0];
        return id.Contains('/') && HubRepo.IsId(id) && !Path.Exists(id) ? id : null;
    }

    /// <summary>The file's text.</summary>
    public string ToText() => $"---\n{CardYaml.Of(this)}---\n\n{Body.Trim()}\n";
}

/// <summary>A number of a model's evaluation.</summary>
/// <param name="Metric">The metric's name in the Hub's list, or another one: loss, accuracy.</param>
/// <param name="Value">Its value; left out where it is no finite number.</param>
/// <param name="Dataset">The id of the data set.</param>
/// <param name="Split">Its split, or null.</param>
public sealed record CardResult(string Metric, double Value, string Dataset, string? Split = null);
