using Lapidary.Cli.CommandLine;

namespace Lapidary.Cli.Cards;

/// <summary>--gpu: a kind of card in place of one of this machine.</summary>
internal static class CardSettings
{
    /// <summary>Shows all cards.</summary>
    public const string List = "list";

    public static readonly Setting<string?> Gpu = new(
        "gpu", "CARD|list",
        "Plan for a kind of card, such as t4 or rtx-4060: without a model, what fits on it. list shows all of them.", null, Parse)
    {
        Completions = [List, .. GpuCards.All.Select(card => card.Name)],
    };

    /// <summary>The card; null if none is given.</summary>
    public static GpuCard? Card(SettingValues values) => values.Get(Gpu) is { } name ? GpuCards.Find(name) : null;

    /// <summary>A reason not to plan for a card, with what to do.</summary>
    public static string Another(string reason) => $"{reason} Choose another of those that --gpu {List} shows.";

    private static string Parse(string text)
    {
        if (text == List || GpuCards.Find(text) is not null) return text;
        string near = GpuCards.Near(text) is { } name ? $"; did you mean {name}?" : "";
        throw new FormatException(
            SettingText.Expected($"a card such as t4, rtx-4060 or l4, of those that --gpu {List} shows", text).Message + near);
    }
}
