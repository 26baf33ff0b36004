using System.Text;

namespace Lapidary.Gemma.Cards;

/// <summary>How to use an adapter or a merged model, for each program that reads its files: the same words in every card, from usage.md and
/// merged.md.</summary>
internal static class CardUsage
{
    private const string Adapter = "usage.md", Merged = "merged.md";

    /// <summary>The values that vLLM accepts as a server's largest rank (max_lora_rank).</summary>
    private static readonly int[] VllmRanks = [8, 16, 32, 64, 128, 256, 320, 512];

    /// <summary>The section of a merged model's card.</summary>
    /// <param name="architecture">The class that config.json names.</param>
    public static string OfMerged(string architecture) => Read(Merged).Replace("{architecture}", architecture, StringComparison.Ordinal);

    /// <summary>The section of an adapter's card.</summary>
    /// <param name="lora">The adapter.</param>
    /// <param name="baseModel">The base, by the name that others use.</param>
    /// <param name="place">Where to find the adapter: an id or a folder's name.</param>
    public static string Of(LoraConfig lora, string baseModel, string place) =>
        Fill(Read(Adapter), baseModel, place) + Vllm(lora, baseModel, place);

    /// <summary>The result of vLLM's rules for this adapter. The rules are documented; nobody ran vLLM.</summary>
    private static string Vllm(LoraConfig lora, string baseModel, string place)
    {
        const string Rule = "vLLM checks an adapter's configuration in `vllm/lora/peft_helper.py`: it takes no `modules_to_save`, no DoRA, "
            + "and no rank above `max_lora_rank`.";
        if (lora.ModulesToSave is { Count: > 0 } saved)
        {
            return $"With vLLM: {Rule} This adapter saves {string.Join(" and ", saved)} whole, so merge it first (see above) and serve "
                + "the merged model.\n";
        }

        int rank = lora.RankPattern.Select(pair => pair.Value).Append(lora.R).Max();
        if (rank > VllmRanks[^1])
            return $"With vLLM: {Rule} Its largest is {VllmRanks[^1]}, this adapter has {rank}; merge it first (see above).\n";
        return $$"""
            With vLLM: {{Rule}} By this rule it takes this adapter, which is of rank {{rank}}; this was not tried.

            ```python
            from vllm import LLM
            from vllm.lora.request import LoRARequest

            llm = LLM(model="{{baseModel}}", enable_lora=True, max_lora_rank={{VllmRanks.First(most => most >= rank)}})
            llm.chat([{"role": "user", "content": "Hello!"}], lora_request=LoRARequest("adapter", 1, "{{place}}"))
            ```

            """.ReplaceLineEndings("\n");
    }

    private static string Fill(string text, string baseModel, string place) =>
        new StringBuilder(text).Replace("{base}", baseModel).Replace("{place}", place).ToString();

    private static string Read(string resource)
    {
        using var stream = typeof(CardUsage).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no {resource}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
