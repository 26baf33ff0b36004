using System.Globalization;
using System.Text.Json;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Cards;

/// <summary>What a card trains of all published sizes.</summary>
/// <param name="Card">The card.</param>
/// <param name="ComputesIn">The type of its activations.</param>
/// <param name="FreeBytes">Free memory of the plan.</param>
/// <param name="Lora">LoRA alone, of each size.</param>
/// <param name="Guide">The guide's recipe, which also trains embedding and head.</param>
internal sealed record CardTable(
    GpuCard Card, DType ComputesIn, long FreeBytes, IReadOnlyList<CardFit> Lora, IReadOnlyList<CardFit> Guide)
{
    /// <summary>Plans all sizes.</summary>
    /// <param name="card">The card.</param>
    /// <param name="computing">How it computes.</param>
    /// <param name="freeBytes">Free memory; null for the card's without other programs.</param>
    /// <exception cref="LapidaryException">The card cannot be used, or not so.</exception>
    public static CardTable Of(GpuCard card, CudaOptions computing, long? freeBytes)
    {
        if (card.WhyUnsupported is { } reason) throw new LapidaryException(CardSettings.Another(reason));
        using var counter = card.CreateCounter(computing);
        long free = freeBytes ?? card.FreeBytes;
        IReadOnlyList<CardFit> All(LoraConfig lora) =>
            [.. GemmaConfig.PresetNames.Select(size => CardFit.Of(card, size, lora, computing, free))];
        return new(card, counter.ActivationDType, free, All(LoraConfig.Guide with { ModulesToSave = null }), All(LoraConfig.Guide));
    }

    /// <summary>Shows it to people.</summary>
    public void Show(TextWriter people)
    {
        string type = ComputesIn == DType.Float16 ? "float16, with the residual stream in float32" : "bfloat16";
        people.WriteLine($"card       {Card}; computes in {type}");
        people.WriteLine($"memory     {ByteSize.Format(MemoryPlanner.UsableBytes(FreeBytes))} that a run can take of "
            + $"{ByteSize.Format(FreeBytes)} free; a screen or Windows leaves less: give what doctor shows as --memory");
        people.WriteLine();
        people.WriteLine($"QLoRA      rows of {CardFit.RowTokens} tokens at a time, longest row in tokens, tokens/s");
        people.WriteLine("  size   LoRA alone                       the guide: embed_tokens and lm_head too");
        foreach (var (lora, guide) in Lora.Zip(Guide)) people.WriteLine($"  {lora.Size,-5}{Text(lora),-33}{Text(guide)}".TrimEnd());
        people.WriteLine();
        people.WriteLine($"speed      {Speed}");
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("gpu", Card.Name);
        json.WriteString("compute_capability", $"{Card.Capability}");
        json.WriteString("computes_in", $"{ComputesIn}".ToLowerInvariant());
        json.WriteNumber("memory_bytes", Card.MemoryBytes);
        json.WriteNumber("budget_bytes", MemoryPlanner.UsableBytes(FreeBytes));
        json.WriteNumber("memory_gb_per_second", Card.GigabytesPerSecond);
        if (Card.Rate is { } rate) json.WriteNumber("assumed_tflops", rate);
        else json.WriteNull("assumed_tflops");
        Write(json, "lora", Lora);
        Write(json, "guide", Guide);
    }

    /// <summary>All cards, one a line.</summary>
    public static IEnumerable<string> Lines() => GpuCards.All.Select(card =>
        $"{card.Name,-17}{card}"
        + (card.WhyUnsupported is not null ? " (cannot be used: --gpu says why)" : card.WhySlow is not null ? " (no tensor cores)" : ""));

    private string Speed => Card.Rate is not { } rate ? "unknown: a laptop's watts decide; 'lapidary bench' measures it"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"computed, not measured: {rate:0.#} TFLOP/s in products"
            + $"{RateIs}, "
            + $"{Card.GigabytesPerSecond:0} GB/s; a step takes longer");

    private string RateIs => Card.WhySlow is not null ? ", by its multiprocessors from a GTX 1660 Super's 0.5"
        : Card.SustainedTeraflops is null ? ", the card's peak" : " kept up";

    private static string Text(CardFit fit) => fit.Rows == 0 ? "     no" : string.Create(
        CultureInfo.InvariantCulture,
        $"{fit.Rows,7:N0}{fit.LongestRow,9:N0}{(fit.TokensPerSecond is { } speed ? Rounded(speed) : ""),9}");

    /// <summary>Two digits: it is an estimate.</summary>
    private static string Rounded(double value)
    {
        double unit = Math.Pow(10, Math.Max(0, Math.Floor(Math.Log10(value)) - 1));
        return (Math.Round(value / unit) * unit).ToString("N0", CultureInfo.InvariantCulture);
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<CardFit> fits)
    {
        json.WriteStartArray(name);
        foreach (var fit in fits)
        {
            json.WriteStartObject();
            json.WriteString("size", fit.Size);
            json.WriteNumber("rows", fit.Rows);
            json.WriteNumber("longest_row", fit.LongestRow);
            if (fit.TokensPerSecond is { } speed) json.WriteNumber("tokens_per_second", speed);
            else json.WriteNull("tokens_per_second");
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
