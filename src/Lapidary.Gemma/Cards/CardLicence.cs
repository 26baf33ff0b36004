using Lapidary.Gemma.Configuration;

namespace Lapidary.Gemma.Cards;

/// <summary>What a card says about the origin of the weights. Gemma's terms hold for what is made from Gemma's weights, and not for a model
/// that only has its architecture.</summary>
internal sealed record CardLicence
{
    private static readonly CardLicence Gemma = new()
    {
        Id = "gemma",
        Model = "a Gemma model",
        Text = """
            Gemma is provided under and subject to the [Gemma Terms of Use](https://ai.google.dev/gemma/terms), which hold for what is
            made from it as well.
            """,
    };

    private static readonly CardLicence Other = new()
    {
        Model = "a model of Gemma's architecture",
        Text = """
            The base has none of Gemma's published sizes, so its weights are not those of Gemma, and this card names no licence. That of
            the base and those of the data hold.
            """,
    };

    private CardLicence()
    {
    }

    /// <summary>The licence in the Hub's list; null if none is claimed.</summary>
    public string? Id { get; private init; }

    /// <summary>What to call a base that has no id.</summary>
    public required string Model { get; init; }

    /// <summary>The words of the section.</summary>
    private string Text { get; init; } = "";

    /// <summary>The section of a card on the licence.</summary>
    public string Section => $"## Licence\n\n{Text}\n";

    /// <summary>The licence of what is made from a base.</summary>
    /// <param name="id">The base's id on the Hub, or null.</param>
    /// <param name="config">Its config.json, or null if it is not here.</param>
    public static CardLicence Of(string? id, GemmaConfig? config) =>
        id is null && config is not null && !GemmaPresets.HasSizesOf(config) ? Other : Gemma;
}
