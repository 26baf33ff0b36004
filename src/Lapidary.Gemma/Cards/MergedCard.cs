using System.Globalization;
using System.Text;
using Lapidary.Hub;

namespace Lapidary.Gemma.Cards;

/// <summary>The model card of a merged model: base, adapter, how the two were joined, and how to use the result. It names no folder of this
/// machine.</summary>
/// <param name="Lora">The adapter's settings.</param>
/// <param name="Config">config.json of the merged model.</param>
/// <param name="Base">The base as given: an id, or a folder that the card does not name.</param>
/// <param name="Adapter">The adapter as given.</param>
internal sealed record MergedCard(LoraConfig Lora, GemmaConfig Config, string Base, string Adapter)
{
    /// <summary>Whether the adapter was added to the base's NF4 values.</summary>
    public bool IsFromNf4 { get; init; }

    /// <summary>The comparison with base and adapter, in one line.</summary>
    public string Check { get; init; } = "";

    /// <summary>The base's id, as given or as the adapter names it. A relative path has the form of an id too.</summary>
    private string? BaseId => ModelCard.IdOf(Base)
        ?? (Lora.BaseModelNameOrPath is { } name && !Path.TrimEndingDirectorySeparator(Base).EndsWith(name, StringComparison.Ordinal)
            ? ModelCard.IdOf(name)
            : null);

    private CardLicence Licence => CardLicence.Of(BaseId, Config);

    private string? AdapterId => ModelCard.IdOf(Adapter);

    /// <summary>The file's text.</summary>
    public string ToText()
    {
        string name = BaseId is { } id ? $"{id.Split('/')[^1]}-merged" : "gemma-merged";
        return new ModelCard
        {
            BaseModel = BaseId,
            BaseModelRelation = "finetune",
            LibraryName = "transformers",
            PipelineTag = "text-generation",
            License = Licence.Id,
            Tags = ["lora", "lapidary"],
            Body = Body(name),
        }.ToText();
    }

    private string Body(string name)
    {
        string model = Link(BaseId, Licence.Model);
        string adapter = Link(AdapterId, "a LoRA adapter");
        string saved = Lora.ModulesToSave is { Count: > 0 } modules ? $", and {string.Join(" and ", modules)} as a whole" : "";
        string added = IsFromNf4 ? "the base's NF4 values (4 bits)" : "the base's own weights";
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {name}

            {char.ToUpperInvariant(model[0])}{model[1..]} with {adapter} merged into it. It is a plain model and needs no adapter.

            {CardUsage.OfMerged((string?)Config.Json["architectures"]?[0] ?? "none").TrimEnd()}

            ## Merge

            | | |
            | --- | --- |
            | base | {model} |
            | adapter | {adapter} of rank {Lora.R}, lora_alpha {Lora.LoraAlpha}{saved} |
            | added to | {added} |
            | stored as | {Config.Dtype} |
            | compared with base and adapter | {Check} |

            Merged by Lapidary {ProgramVersion.Text}; files in the format of transformers.

            {Licence.Section}
            """);
        return text.ToString().ReplaceLineEndings("\n");
    }

    private static string Link(string? id, string other) => id is null ? other : $"[{id}](https://huggingface.co/{id})";
}
